/** Wycheproof: RSA PKCS#1 v1.5, RSA PSS and ECDSA (DER and raw) vectors against `verifySignature`, also over the hash. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { hashOf, isSignatureAlgorithm, type SignatureAlgorithm } from './algorithm.ts'
import { digest, importPublicKey } from './crypto.ts'
import { ecdsaSignatureOf, verifySignature } from './signature.ts'

interface Vectors {
  readonly testGroups: readonly {
    readonly publicKeyDer: string
    readonly sLen?: number
    readonly sha: string
    readonly tests: readonly {
      readonly tcId: number
      readonly flags: readonly string[]
      readonly msg: string
      readonly sig: string
      readonly result: 'valid' | 'invalid' | 'acceptable'
    }[]
  }[]
}

const folder = new URL('../vectors/wycheproof/', import.meta.url)
const divergences: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../wycheproof-divergences.json', folder), 'utf8'),
)

test('Wycheproof: valid signatures pass and all others fail, and the list of divergences is exact', () => {
  const wrong: string[] = []
  let count = 0
  for (const file of readdirSync(folder).filter(each => /^(rsa|ecdsa)_.*\.json\.gz$/.test(each))) {
    const vectors: Vectors = JSON.parse(
      gunzipSync(readFileSync(new URL(file, folder))).toString('utf8'),
    )
    for (const group of vectors.testGroups) {
      const algorithm = algorithmOf(file, group.sha, group.sLen)
      const key = importPublicKey(fromHex(group.publicKeyDer))
      for (const vector of group.tests) {
        count++
        const id = `${file.replace('_test.json.gz', '')}:${vector.tcId}`
        const signature = signatureOf(file, fromHex(vector.sig))
        const given = { key, algorithm, form: 'document', signature } as const
        const bytes = fromHex(vector.msg)
        const verdict = verifySignature({ ...given, content: { kind: 'bytes', bytes } })
        const agrees = (verdict.kind === 'passed') === (vector.result === 'valid')
        if (agrees === id in divergences)
          wrong.push(`${id} ${vector.result} ${vector.flags}: ${verdict.kind}`)
        if (!algorithm.startsWith('rsa-sha')) continue
        const hash = digest(hashOf(algorithm), bytes)
        const overHash = verifySignature({ ...given, content: { kind: 'hash', hash } })
        if (overHash.kind !== verdict.kind) wrong.push(`${id}: over the hash ${overHash.kind}`)
      }
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(count > 4000, `${count} vectors`)
})

function algorithmOf(file: string, sha: string, salt: number | undefined): SignatureAlgorithm {
  const hash = sha.toLowerCase().replace('-', '')
  if (salt !== undefined) assert.equal(salt, 32, file)
  const kind = salt !== undefined ? 'rsa-pss' : file.startsWith('rsa') ? 'rsa' : 'ecdsa'
  const name = `${kind}-${hash}`
  assert.ok(isSignatureAlgorithm(name), name)
  return name
}

// What has not the length of a raw signature cannot be one.
function signatureOf(file: string, bytes: Uint8Array): Uint8Array {
  if (!file.includes('p1363')) return bytes
  return (
    ecdsaSignatureOf(bytes, file.includes('p256') || file.includes('256r1') ? 'P-256' : 'P-384') ??
    new Uint8Array()
  )
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}
