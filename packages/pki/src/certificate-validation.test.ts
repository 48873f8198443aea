/** A country of authorities: a bridge, the registrar of companies, a private CA and the health CA, linked by cross-certificates (A13). */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { parseCertificate } from './certificate.ts'
import { type CertificateDemands, validateCertificate } from './certificate-validation.ts'
import { MalformedError } from './der.ts'
import {
  element,
  explicit,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from './der-writer.ts'
import { type HealthcareRole, readHealthcareRoles } from './healthcare-role.ts'
import { type EncodedExtension, extension, generalName } from './issue/certificate.ts'
import { KeyCache } from './key-cache.ts'
import { encodeName } from './name.ts'
import { generalOcspLimits } from './ocsp-judgement.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { pathBudget } from './path.ts'
import {
  authority,
  type Entity,
  list,
  nameOf,
  person,
  revoked,
  worldNow,
} from './pki-world-for-tests.ts'
import { judgeSigner } from './signer-certificate.ts'
import { codeOf } from './specimen-for-tests.ts'

const policy = {
  ours: '2.999.10.1',
  bridge: '2.999.20.1',
  company: '2.999.30.1',
  health: '2.999.40.1',
}

function policies(...ids: readonly string[]): EncodedExtension {
  return extension.policies(
    ids.map(id => ({ id })),
    true,
  )
}

/** A certificate of `subject`, that is in force under its own root as well, from `issuer`. */
function cross(
  issuer: Entity,
  subject: Entity,
  mapping: readonly [string, string],
  more: readonly EncodedExtension[] = [],
): Entity {
  return authority(subject.name, subject.key, issuer, {
    extensions: [policies(mapping[0]), extension.policyMappings([mapping]), ...more],
  })
}

// The verifier trusts its own government root alone.
const government = authority(nameOf('Government CA'), 70)
const bridge = authority(nameOf('Bridge CA'), 71)
const companies = authority(nameOf('Registrar'), 72)
const health = authority(nameOf('Health CA'), 73)
const toBridge = cross(government, bridge, [policy.ours, policy.bridge])
const fromBridge = cross(bridge, government, [policy.bridge, policy.ours])
const toCompanies = cross(bridge, companies, [policy.bridge, policy.company])
const fromCompanies = cross(companies, bridge, [policy.company, policy.bridge])
const toHealth = cross(bridge, health, [policy.bridge, policy.health])
const fromHealth = cross(health, bridge, [policy.health, policy.bridge])
const bag = [fromHealth, toHealth, fromCompanies, toCompanies, fromBridge, toBridge]
const lists = [list(companies), list(health), list(bridge), list(government)]
const representative = person(nameOf('Representative'), companies, {
  extensions: [policies(policy.company)],
})
const keys = new KeyCache(256)

function demands(vary: Partial<CertificateDemands> = {}): CertificateDemands {
  return {
    at: worldNow,
    anchors: [government.certificate],
    intermediates: bag.map(({ certificate }) => certificate),
    policies: {
      acceptable: [policy.ours],
      isExplicitRequired: true,
      isMappingInhibited: false,
      isAnyInhibited: true,
    },
    purpose: undefined,
    keyUsage: 0,
    keys,
    budget: pathBudget,
    lists,
    responses: [],
    ocspLimits: generalOcspLimits,
    revocation: 'required',
    ...vary,
  }
}

const outcome = (leaf: Entity, vary: Partial<CertificateDemands> = {}): string =>
  codeOf(validateCertificate(leaf.certificate, demands(vary)))

describe('over a bridge', () => {
  it('a certificate of another PKI has a path, and its policy comes out as ours', () => {
    const found = validateCertificate(representative.certificate, demands())
    assert.ok(found.kind === 'passed')
    assert.deepEqual(found.value.certificates, [
      representative.certificate,
      toCompanies.certificate,
      toBridge.certificate,
    ])
    assert.equal(found.value.anchor, government.certificate)
    assert.deepEqual(found.value.policies.userConstrained, [policy.ours])
  })

  it('openssl finds the same, and nothing where a cross-certificate is missing', () => {
    using openssl = new OpensslJudge()
    const pem = (name: string, among: readonly Entity[]): string =>
      openssl.file(
        name,
        among.map(({ certificate }) => new X509Certificate(certificate.raw).toString()).join(''),
      )
    const judged = (among: readonly Entity[]): boolean =>
      openssl.run(
        'verify',
        '-x509_strict',
        '-attime',
        String(worldNow / 1000),
        '-policy_check',
        '-explicit_policy',
        '-policy',
        policy.ours,
        '-CAfile',
        pem('anchor', [government]),
        '-untrusted',
        pem('bag', among),
        pem('leaf', [representative]),
      ).status === 0
    assert.equal(judged([toCompanies, toBridge]), true)
    assert.equal(judged([toBridge, toHealth]), false)
  })

  it('the order of what is given does not matter', () => {
    const shuffled = {
      intermediates: bag.map(({ certificate }) => certificate).toReversed(),
      lists: lists.toReversed(),
    }
    assert.equal(outcome(representative, shuffled), 'passed')
  })

  it('a revoked cross-certificate cuts off that CA alone', () => {
    const cut = {
      lists: [
        ...lists.filter((_, i) => i !== 2),
        list(bridge, { entries: [revoked(toCompanies, 'cessationOfOperation')] }),
      ],
    }
    assert.equal(outcome(representative, cut), 'certificate-revoked')
    const doctor = person(nameOf('Doctor'), health, { extensions: [policies(policy.health)] })
    assert.equal(outcome(doctor, cut), 'passed')
  })

  it('without a list of the bridge nothing is relied on', () => {
    assert.equal(
      outcome(representative, { lists: lists.filter((_, i) => i !== 2) }),
      'crl-other-issuer',
    )
  })

  it('a policy that no mapping leads to, a mapping that is inhibited and a foreign name are refused', () => {
    const other = person(nameOf('Representative'), companies, {
      extensions: [policies('2.999.30.9')],
    })
    assert.equal(outcome(other), 'policy-unacceptable')
    const inputs = { ...demands().policies, isMappingInhibited: true }
    assert.equal(outcome(representative, { policies: inputs }), 'policy-unacceptable')
    const onlyRegistrar = cross(
      bridge,
      companies,
      [policy.bridge, policy.company],
      [
        extension.nameConstraints(
          [
            generalName.directory(
              encodeName([
                ['2.5.4.6', 'JP'],
                ['2.5.4.10', '法務省'],
              ]),
            ),
          ],
          [],
        ),
      ],
    )
    const intermediates = [onlyRegistrar, toBridge].map(({ certificate }) => certificate)
    assert.equal(outcome(representative, { intermediates }), 'name-not-permitted')
  })
})

describe('where there are several paths', () => {
  const renewed = authority(nameOf('Registrar'), 72, bridge, {
    extensions: [
      policies(policy.bridge),
      extension.policyMappings([[policy.bridge, policy.company]]),
    ],
  })
  const both = { intermediates: [toCompanies, renewed, toBridge].map(one => one.certificate) }
  const withRevoked = (...gone: readonly Entity[]): readonly Uint8Array[] => [
    ...lists.filter((_, i) => i !== 2),
    list(bridge, { entries: gone.map(one => revoked(one, 'superseded')) }),
  ]

  it('one without a revoked certificate is found, whichever comes first', () => {
    for (const gone of [toCompanies, renewed]) {
      const found = validateCertificate(
        representative.certificate,
        demands({ ...both, lists: withRevoked(gone) }),
      )
      assert.ok(found.kind === 'passed')
      assert.ok(!found.value.certificates.includes(gone.certificate))
    }
  })

  it('a signer is judged in the same way', () => {
    const standings = (...gone: readonly Entity[]): string => {
      const judged = judgeSigner(representative.certificate, {
        ...demands(both),
        provenAt: undefined,
        revocation: { kind: 'crls', lists: withRevoked(...gone) },
        rules: { kind: 'standard', policies: demands().policies, purpose: undefined },
      })
      assert.equal(judged.path.kind, 'passed')
      return codeOf(judged.standings ?? judged.path)
    }
    assert.equal(standings(toCompanies), 'passed')
    assert.equal(standings(renewed), 'passed')
    assert.equal(standings(toCompanies, renewed), 'certificate-revoked')
  })

  it('when all are revoked, so is the answer; of the leaf alone nobody asks about them', () => {
    const gone = { ...both, lists: withRevoked(toCompanies, renewed) }
    assert.equal(outcome(representative, gone), 'certificate-revoked')
    assert.equal(outcome(representative, { ...gone, revocation: 'leaf' }), 'passed')
    assert.equal(
      outcome(representative, { ...both, lists: [], revocation: 'danger-off' }),
      'passed',
    )
  })

  it('a revoked leaf stays revoked over every path', () => {
    const gone = [...lists, list(companies, { number: 2, entries: [revoked(representative)] })]
    assert.equal(outcome(representative, { ...both, lists: gone }), 'certificate-revoked')
  })

  it('a mesh of authorities that all certify each other ends within the budget', () => {
    const mesh = Array.from({ length: 12 }, (_, i) => authority(nameOf(`Mesh ${i}`), 74 + i))
    const all = mesh.flatMap(issuer =>
      mesh
        .filter(subject => subject !== issuer)
        .map(subject => authority(subject.name, subject.key, issuer).certificate),
    )
    const first = mesh[0]
    assert.ok(first !== undefined)
    const lost = person(nameOf('Lost'), first)
    assert.equal(
      outcome(lost, {
        intermediates: all,
        policies: { ...demands().policies, isExplicitRequired: false },
      }),
      'search-budget-exhausted',
    )
  })
})

describe('healthcare roles', () => {
  const scheme = '1.2.392.100495.1.6.1.1'
  const actor = (...coded: readonly Uint8Array[]): Uint8Array =>
    sequence(explicit(0, setOf(explicit(0, objectIdentifier(scheme)), ...coded)))
  const attribute = (...actors: readonly Uint8Array[]): EncodedExtension => ({
    id: '2.5.29.9',
    isCritical: false,
    value: sequence(
      sequence(objectIdentifier('1.3.6.1.5.5.7.9.1'), setOf(octetString(Uint8Array.of(1)))),
      sequence(objectIdentifier('1.0.17090.0.1'), setOf(setOf(...actors))),
    ),
  })
  const rolesOf = (...actors: readonly Uint8Array[]): readonly HealthcareRole[] =>
    readHealthcareRoles(
      person(nameOf('Doctor'), health, { extensions: [attribute(...actors)] }).certificate,
    )
  const named = (text: string): Uint8Array => actor(explicit(2, utf8String(text)))

  it('are read from a leaf that has a path over the bridge', () => {
    const doctor = person(nameOf('Doctor'), health, {
      extensions: [policies(policy.health), attribute(named('Medical Doctor'))],
    })
    assert.equal(outcome(doctor), 'passed')
    assert.deepEqual(readHealthcareRoles(parseCertificate(doctor.certificate.raw)), [
      { codingScheme: scheme, code: undefined, text: 'Medical Doctor' },
    ])
  })

  it('may be several, or none', () => {
    const roles = rolesOf(named('Dentist'), named('Medical Doctor'))
    assert.deepEqual(
      roles.map(({ text }) => text),
      ['Dentist', 'Medical Doctor'],
    )
    assert.deepEqual(readHealthcareRoles(representative.certificate), [])
  })

  it('without code and words, with something after them or in excess are malformed', () => {
    assert.throws(() => rolesOf(actor()), MalformedError)
    assert.throws(
      () => rolesOf(actor(explicit(2, utf8String('x'), utf8String('y')))),
      MalformedError,
    )
    assert.throws(() => rolesOf(sequence(named('x'))), MalformedError)
    assert.throws(() => rolesOf(element(0x31, utf8String('x'))), MalformedError)
    assert.throws(
      () => rolesOf(...Array.from({ length: 65 }, (_, i) => named(`${100 + i}`))),
      MalformedError,
    )
  })
})
