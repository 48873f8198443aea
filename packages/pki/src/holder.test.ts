/** What certificates say of a holder beyond the name: corporation, mandate, healthcare roles: written, read back, and bent. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Certificate } from './certificate.ts'
import { MalformedError, toHex } from './der.ts'
import { explicit, objectIdentifier, sequence, setOf, utf8String } from './der-writer.ts'
import { readHealthcareRoles } from './healthcare-role.ts'
import { type EncodedExtension, extension, generalName } from './issue/certificate.ts'
import {
  healthcareRolesExtension,
  registeredCorporationExtension,
  registrarExtension,
} from './issue/holder.ts'
import { type Mandate, mandateName, mandateScopeMax, readMandate } from './mandate.ts'
import { encodeName } from './name.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { authority, nameOf, person } from './pki-world-for-tests.ts'
import { readRegisteredCorporation } from './registered-corporation.ts'

const ca = authority(nameOf('CA'), 40)
const holding = (...extensions: readonly EncodedExtension[]): Certificate =>
  person(nameOf('Holder'), ca, { extensions }).certificate
const malformed = (read: () => unknown): void => assert.throws(read, MalformedError)

const info = {
  name: '見本建設株式会社',
  registeredNumber: '999901000003',
  headOffice: '東京都千代田区見本町一丁目１番１号',
  representative: '見本太郎',
  title: '代表取締役',
  registryOffice: '見本法務局',
}

describe('a registered corporation', () => {
  const { id } = registeredCorporationExtension(info)
  const bent = (...fields: readonly (readonly [number, string])[]): Certificate =>
    holding({
      id,
      isCritical: false,
      value: sequence(...fields.map(([n, text]) => explicit(n, utf8String(text)))),
    })

  it('is read back, with what need not be there or without', () => {
    assert.deepEqual(readRegisteredCorporation(holding(registeredCorporationExtension(info))), info)
    const less = { ...info, registeredNumber: undefined, registryOffice: undefined }
    assert.deepEqual(readRegisteredCorporation(holding(registeredCorporationExtension(less))), less)
    assert.equal(readRegisteredCorporation(holding()), undefined)
  })

  it('openssl sees the fields under their numbers', () => {
    using openssl = new OpensslJudge()
    const file = openssl.file('info', registeredCorporationExtension(info).value)
    const { text } = openssl.run('asn1parse', '-inform', 'DER', '-in', file)
    const fields = [...text.matchAll(/cont \[ (\d) \]/g)].map(([, n]) => n)
    assert.deepEqual(fields, ['0', '1', '2', '3', '4', '6'])
    assert.match(text, /PRINTABLESTRING +:999901000003/)
    assert.equal(toHex(registrarExtension('登記官').value), '0c09e799bbe8a898e5ae98')
  })

  it('is malformed without a field, in another order, with an empty name or a number that is none', () => {
    const all = [
      [0, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ] as const
    assert.equal(readRegisteredCorporation(bent(...all))?.title, 'd')
    for (const missing of all.keys()) {
      malformed(() => readRegisteredCorporation(bent(...all.filter((_, i) => i !== missing))))
    }
    malformed(() => readRegisteredCorporation(bent(...all.toReversed())))
    malformed(() => readRegisteredCorporation(bent([0, ''], ...all.slice(1))))
    malformed(() => readRegisteredCorporation(bent([0, 'a'], [1, '12345678901'], ...all.slice(1))))
    malformed(() => readRegisteredCorporation(bent(...all, [7, 'e'])))
  })
})

const mandate: Mandate = {
  corporateNumber: '3999901000003',
  corporation: '見本建設株式会社',
  headOffice: '東京都千代田区見本町一丁目１番１号',
  mandator: { name: '見本太郎', title: '代表取締役' },
  scope: [
    { code: 'bid.submit', text: '入札' },
    { code: 'contract.sign', text: '契約の締結（１億円まで）' },
  ],
  isSubdelegable: false,
}

describe('a mandate', () => {
  const under = (...pairs: readonly (readonly [string, string])[]): Certificate =>
    holding(extension.subjectAltName([generalName.directory(encodeName(pairs))]))
  const carrying = (...mandates: readonly Mandate[]): Certificate =>
    holding(
      extension.subjectAltName(mandates.map(each => generalName.directory(mandateName(each)))),
    )
  const pairs = mandateName(mandate).relativeNames.flatMap(set =>
    set.map(each => [each.type, each.text] as const),
  )

  it('is read back', () => {
    assert.deepEqual(readMandate(carrying(mandate)), mandate)
    const more = { ...mandate, isSubdelegable: true }
    assert.deepEqual(readMandate(carrying(more)), more)
    assert.equal(readMandate(holding()), undefined)
    assert.equal(readMandate(under(['2.5.4.10', '見本建設株式会社'])), undefined)
  })

  it('is malformed with a field missing or twice, and with a sentence that could narrow it', () => {
    assert.deepEqual(readMandate(under(...pairs)), mandate)
    for (const [at, [type]] of pairs.entries()) {
      // The country decides nothing, and without the number there is no mandate.
      if (type === '2.5.4.6' || type === '2.5.4.97') continue
      const without = pairs.filter((_, i) => i !== at)
      if (type !== '2.5.4.13' || at === pairs.length - 1)
        malformed(() => readMandate(under(...without)))
      if (type !== '2.5.4.13') malformed(() => readMandate(under(...pairs, pairs[at] ?? ['', ''])))
    }
    malformed(() => readMandate(under(...pairs, ['2.5.4.13', 'only on Sundays'])))
    malformed(() => readMandate(under(...pairs, ['2.5.4.13', 'subdelegation:permitted'])))
    malformed(() => readMandate(under(...pairs.filter(([, text]) => !text.startsWith('act:')))))
    malformed(() => readMandate(under(...pairs, ['2.5.4.13', 'act:Bid x'])))
  })

  it('two are none, and one that could not be read back is not written', () => {
    malformed(() => readMandate(carrying(mandate, { ...mandate, isSubdelegable: true })))
    const many = Array.from({ length: mandateScopeMax + 1 }, () => ({ code: 'a', text: 'b' }))
    const wrong: readonly Partial<Mandate>[] = [
      { corporateNumber: '123' },
      { scope: [] },
      { scope: many },
      { scope: [{ code: 'a b', text: 'c' }] },
      { scope: [{ code: 'a', text: '' }] },
    ]
    for (const vary of wrong) assert.throws(() => mandateName({ ...mandate, ...vary }), RangeError)
    const full = { ...mandate, scope: many.slice(1) }
    assert.equal(readMandate(carrying(full))?.scope.length, mandateScopeMax)
  })
})

describe('healthcare roles', () => {
  const scheme = '1.2.392.100495.1.6.1.1'
  // In the order of a SET OF in DER.
  const roles = [
    { codingScheme: scheme, code: '7', text: undefined },
    { codingScheme: scheme, code: undefined, text: 'Medical Doctor' },
  ]

  it('are read back', () => {
    assert.deepEqual(readHealthcareRoles(holding(healthcareRolesExtension(roles))), roles)
    assert.deepEqual(readHealthcareRoles(holding()), [])
  })

  it('a role without code and text is none', () => {
    const empty = { codingScheme: scheme, code: undefined, text: undefined }
    malformed(() => readHealthcareRoles(holding(healthcareRolesExtension([empty]))))
    const { id } = healthcareRolesExtension(roles)
    const value = sequence(sequence(objectIdentifier('1.0.17090.0.1'), setOf(utf8String('x'))))
    malformed(() => readHealthcareRoles(holding({ id, isCritical: false, value })))
  })
})

describe('what was bent at random', () => {
  it('is read or malformed, and nothing else happens', () => {
    const seed = randomInt(2 ** 31)
    let state = seed
    const below = (end: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1
      return state % end
    }
    const whole = [
      registeredCorporationExtension(info),
      healthcareRolesExtension([{ codingScheme: '1.2.3', code: '1', text: 'a' }]),
      extension.subjectAltName([generalName.directory(mandateName(mandate))]),
    ]
    const readers = [readRegisteredCorporation, readHealthcareRoles, readMandate] as const
    let refused = 0
    for (let i = 0; i < 900; i++) {
      const one = whole[i % whole.length]
      if (one === undefined) continue
      const bent = Uint8Array.from(one.value)
      for (let n = 0; n <= below(3); n++) bent[below(bent.length)] = below(256)
      const value = below(4) === 0 ? bent.subarray(0, below(bent.length)) : bent
      try {
        readers[i % readers.length]?.(holding({ ...one, value }))
      } catch (error) {
        assert.ok(error instanceof MalformedError, `seed ${seed}, case ${i}: ${String(error)}`)
        refused++
      }
    }
    assert.ok(refused > 300, `seed ${seed}: ${refused}`)
  })
})
