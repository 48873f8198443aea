/** Wycheproof: JSON Web Signatures in the compact and the JSON form, against the parser and the check of the value. */
import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { importPublicKey, type PublicKey } from '../crypto.ts'
import { MalformedError } from '../der.ts'
import { bytesOf } from '../xml/xml-specimen-for-tests.ts'
import { joseAlgorithmOf } from './jose-algorithm.ts'
import { parseJws, signingInput } from './jws.ts'
import { verifyJwsValue } from './jws-signer.ts'

interface Vectors {
  readonly testGroups: readonly {
    readonly public?: Readonly<Record<string, unknown>>
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly jws: string | Readonly<Record<string, unknown>>
      readonly result: 'valid' | 'invalid'
    }[]
  }[]
}

const folder = new URL('../../vectors/', import.meta.url)
const divergences: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('wycheproof-jws-divergences.json', folder), 'utf8'),
)

test('Wycheproof: valid JWS pass and all others fail, and the list of divergences is exact', () => {
  const file = new URL('wycheproof/json_web_signature_test.json.gz', folder)
  const vectors: Vectors = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  const wrong: string[] = []
  let count = 0
  for (const group of vectors.testGroups) {
    const key = group.public === undefined ? undefined : keyOf(group.public)
    for (const vector of group.tests) {
      count++
      const text = typeof vector.jws === 'string' ? vector.jws : JSON.stringify(vector.jws)
      const isPassed = key !== undefined && verifies(text, key)
      const agrees = isPassed === (vector.result === 'valid')
      const id = `${vector.tcId} ${vector.comment}`
      if (agrees === id in divergences) wrong.push(`${id}: ${vector.result}, passed ${isPassed}`)
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(count > 400, `${count} vectors`)
})

function keyOf(jwk: Readonly<Record<string, unknown>>): PublicKey {
  const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' })
  return importPublicKey(Uint8Array.from(spki))
}

function verifies(text: string, key: PublicKey): boolean {
  try {
    const { payload, signatures } = parseJws(bytesOf(text))
    if (payload.kind === 'detached') return false
    return signatures.every(signature => {
      const alg = signature.header.get('alg')
      const algorithm = typeof alg === 'string' ? joseAlgorithmOf(alg) : 'unsupported'
      if (algorithm === 'weak' || algorithm === 'unsupported') return false
      const input = signingInput(signature, payload.bytes)
      return verifyJwsValue(signature.value, key, algorithm, input).kind === 'passed'
    })
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}
