import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Certificate, parseCertificate } from './certificate.ts'
import { keyUsages, purposes } from './extension.ts'
import {
  type EncodedExtension,
  extension,
  generalName,
  issueCertificate,
  keyIdentifier,
} from './issue/certificate.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { encodeName } from './name.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { type PathDemands, pathBudget, VerifiedPath, verifyPath } from './path.ts'
import {
  codeOf,
  specimenAuthority,
  specimenDemands,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'

const keys = new KeyCache(256)
const start = Date.UTC(2020, 0, 1)
const end = Date.UTC(2040, 0, 1)

/** A certificate of `name` on pool key `key`, signed by `issuer` (itself when undefined). */
function make(
  name: string,
  key: number,
  issuer: { readonly name: string; readonly key: number } | undefined,
  extensions: readonly EncodedExtension[],
  vary: { readonly notBefore?: number; readonly notAfter?: number; readonly serial?: number } = {},
): Certificate {
  const signer = poolKey(issuer?.key ?? key)
  return parseCertificate(
    issueCertificate(
      {
        serial: Uint8Array.of(vary.serial ?? key + 1),
        issuer: encodeName([['2.5.4.3', issuer?.name ?? name]]),
        subject: encodeName([['2.5.4.3', name]]),
        notBefore: vary.notBefore ?? start,
        notAfter: vary.notAfter ?? end,
        spki: poolKey(key).spki,
        extensions: [
          ...extensions,
          extension.subjectKeyIdentifier(keyIdentifier(poolKey(key).spki)),
          extension.authorityKeyIdentifier(keyIdentifier(signer.spki)),
        ],
      },
      'rsa-sha256',
      signer.sign,
    ),
  )
}

const isAuthority = [extension.basicConstraints(true), extension.keyUsage(keyUsages.keyCertSign)]
const root = make('root', 10, undefined, isAuthority)
const rootOf = { name: 'root', key: 10 }

function demands(vary: Partial<PathDemands> = {}): PathDemands {
  return {
    at: specimenNow,
    anchors: [root],
    intermediates: [],
    policies: {
      acceptable: 'any',
      isExplicitRequired: false,
      isMappingInhibited: false,
      isAnyInhibited: false,
    },
    purpose: undefined,
    keyUsage: 0,
    keys,
    budget: pathBudget,
    ...vary,
  }
}

test('a JPKI leaf has a path to its own generation, among generations of one name', () => {
  const first = specimenAuthority('signature', 0)
  const second = specimenAuthority('signature', 4)
  const leaf = specimenLeaf('signature', second, 1)
  const verdict = verifyPath(leaf, specimenDemands([first.certificate, second.certificate]))
  assert.ok(verdict.kind === 'passed' && verdict.value instanceof VerifiedPath)
  assert.equal(verdict.value.anchor, second.certificate)
  assert.deepEqual(verdict.value.policies.userConstrained, ['1.2.392.200149.8.5.1.0.20'])
})

test('another authority of the same name is no issuer', () => {
  const ours = specimenAuthority('signature', 0)
  const stranger = specimenAuthority('signature', 4)
  const verdict = verifyPath(
    specimenLeaf('signature', stranger, 1),
    specimenDemands([ours.certificate]),
  )
  assert.equal(codeOf(verdict), 'certificate-signature-bad')
})

test('validity includes its first and its whole last second', () => {
  const authority = specimenAuthority('signature', 0)
  const leaf = specimenLeaf('signature', authority, 1)
  const given = specimenDemands([authority.certificate])
  const at = (instant: number): string => codeOf(verifyPath(leaf, { ...given, at: instant }))
  assert.equal(at(leaf.notBefore), 'passed')
  assert.equal(at(leaf.notBefore - 1), 'certificate-not-yet-valid')
  assert.equal(at(leaf.notAfter + 999), 'passed')
  assert.equal(at(leaf.notAfter + 1000), 'certificate-expired')
})

test('an expired anchor, an authority without the flag and one without the right to sign are refused', () => {
  const leaf = make('leaf', 12, { name: 'ica', key: 11 }, [])
  const through = (ica: Certificate): string =>
    codeOf(verifyPath(leaf, demands({ intermediates: [ica] })))
  assert.equal(through(make('ica', 11, rootOf, isAuthority)), 'passed')
  assert.equal(through(make('ica', 11, rootOf, [])), 'issuer-not-authority')
  const mute = [extension.basicConstraints(true), extension.keyUsage(keyUsages.crlSign)]
  assert.equal(through(make('ica', 11, rootOf, mute)), 'issuer-key-usage')
  const soft = [{ ...extension.basicConstraints(true), isCritical: false }]
  assert.equal(through(make('ica', 11, rootOf, soft)), 'extension-misplaced')
  const old = make('root', 10, undefined, isAuthority, { notAfter: start + 1 })
  const direct = make('leaf', 12, rootOf, [])
  assert.equal(codeOf(verifyPath(direct, demands({ anchors: [old] }))), 'certificate-expired')
})

test('path length counts intermediates, without self-issued ones', () => {
  const limited = [extension.basicConstraints(true, 0), extension.keyUsage(keyUsages.keyCertSign)]
  const leaf = make('leaf', 12, { name: 'ica', key: 11 }, [])
  const rolled = make('ica', 11, { name: 'ica', key: 13 }, isAuthority)
  const first = make('ica', 13, rootOf, limited)
  assert.equal(codeOf(verifyPath(leaf, demands({ intermediates: [rolled, first] }))), 'passed')
  const other = make('ica', 11, { name: 'upper', key: 13 }, isAuthority)
  const upper = make('upper', 13, rootOf, limited)
  assert.equal(
    codeOf(verifyPath(leaf, demands({ intermediates: [other, upper] }))),
    'path-too-long',
  )
})

test('the depth, the candidates and the signatures of a search end at the budget', () => {
  const leaf = make('leaf', 12, { name: 'ica', key: 11 }, [])
  const ica = make('ica', 11, rootOf, isAuthority)
  const within = (budget: Partial<typeof pathBudget>): string =>
    codeOf(
      verifyPath(leaf, demands({ intermediates: [ica], budget: { ...pathBudget, ...budget } })),
    )
  assert.equal(within({}), 'passed')
  assert.equal(within({ depthMax: 0 }), 'path-too-long')
  assert.equal(within({ signaturesMax: 1 }), 'search-budget-exhausted')
  assert.equal(within({ candidatesMax: 1 }), 'search-budget-exhausted')
  // Thirty authorities that have all certified each other, and none of which the anchor knows.
  const crowd: Certificate[] = []
  for (let i = 0; i < 30; i++) {
    for (let j = 0; j < 3; j++)
      crowd.push(make('crowd', i, { name: 'crowd', key: (i + j) % 30 }, isAuthority))
  }
  const lost = make('lost', 40, { name: 'crowd', key: 0 }, [])
  const began = performance.now()
  const verdict = verifyPath(lost, demands({ intermediates: crowd }))
  assert.equal(verdict.kind, 'indeterminate')
  assert.equal(codeOf(verdict), 'search-budget-exhausted')
  assert.ok(performance.now() - began < 2000)
})

test('a critical extension that nobody knows, in leaf or authority, is refused; an uncritical one is not', () => {
  const unknown = (isCritical: boolean): EncodedExtension => ({
    id: '2.999.1',
    isCritical,
    value: Uint8Array.of(5, 0),
  })
  const leafWith = (isCritical: boolean): string =>
    codeOf(verifyPath(make('leaf', 12, rootOf, [unknown(isCritical)]), demands()))
  assert.equal(leafWith(false), 'passed')
  assert.equal(leafWith(true), 'extension-critical-unknown')
})

test('an extended key usage that is demanded must be in leaf and authority, where they limit theirs', () => {
  const client = extension.extendedKeyUsage([purposes.clientAuth])
  const server = extension.extendedKeyUsage([purposes.serverAuth])
  const judge = (leaf: readonly EncodedExtension[], ica: readonly EncodedExtension[]): string =>
    codeOf(
      verifyPath(
        make('leaf', 12, { name: 'ica', key: 11 }, leaf),
        demands({
          purpose: purposes.clientAuth,
          intermediates: [make('ica', 11, rootOf, [...isAuthority, ...ica])],
        }),
      ),
    )
  assert.equal(judge([client], []), 'passed')
  assert.equal(judge([], []), 'passed')
  assert.equal(judge([server], []), 'extended-key-usage-unacceptable')
  assert.equal(judge([client], [server]), 'extended-key-usage-unacceptable')
})

test('SHA-1 and short keys are refused by name', () => {
  const weakName = Uint8Array.from(make('leaf', 12, rootOf, []).raw)
  // Name SHA-1 instead of SHA-256 in both algorithm identifiers; the signature no longer matters.
  for (let i = 0; i + 9 < weakName.length; i++) {
    const isRsa = Buffer.from(weakName.subarray(i, i + 9)).toString('hex') === '2a864886f70d01010b'
    if (isRsa) weakName[i + 8] = 5
  }
  assert.equal(codeOf(verifyPath(parseCertificate(weakName), demands())), 'algorithm-weak')
  using judge = new OpensslJudge()
  const small = judge.path('small.der')
  judge.run(
    'req',
    '-x509',
    '-newkey',
    'rsa:1024',
    '-nodes',
    '-keyout',
    judge.path('key'),
    '-subj',
    '/CN=small',
    '-outform',
    'DER',
    '-out',
    small,
    '-days',
    '3650',
  )
  const weak = parseCertificate(
    judge.run('x509', '-inform', 'DER', '-in', small, '-outform', 'DER').bytes,
  )
  const verdict = verifyPath(weak, demands({ at: weak.notBefore, anchors: [weak] }))
  assert.equal(codeOf(verdict), 'key-unacceptable')
})

test('ECDSA P-256 and P-384 chains made by openssl are verified', () => {
  using judge = new OpensslJudge()
  for (const [curve, hash] of [
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
  ] as const) {
    const ca = judge.path('ca.pem')
    judge.run(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      `ec_paramgen_curve:${curve}`,
      '-nodes',
      `-${hash}`,
      '-keyout',
      judge.path('ca.key'),
      '-out',
      ca,
      '-subj',
      '/CN=ec root',
      '-days',
      '3650',
      '-addext',
      'keyUsage=critical,keyCertSign',
    )
    const request = judge.path('leaf.csr')
    judge.run(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      `ec_paramgen_curve:${curve}`,
      '-nodes',
      '-keyout',
      judge.path('leaf.key'),
      '-out',
      request,
      '-subj',
      '/CN=leaf',
    )
    const leaf = judge.run(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      ca,
      '-CAkey',
      judge.path('ca.key'),
      '-days',
      '30',
      `-${hash}`,
      '-outform',
      'DER',
      '-set_serial',
      '7',
    )
    const anchor = parseCertificate(judge.run('x509', '-in', ca, '-outform', 'DER').bytes)
    const start = leaf.bytes.findIndex(
      (_, i) => leaf.bytes[i] === 0x30 && leaf.bytes[i + 1] === 0x82,
    )
    const certificate = parseCertificate(leaf.bytes.subarray(start))
    const verdict = verifyPath(
      certificate,
      demands({ at: certificate.notBefore, anchors: [anchor] }),
    )
    assert.equal(codeOf(verdict), 'passed', curve)
  }
})

test('name constraints bind directory names in Japanese, mail addresses, hosts, addresses and URIs', () => {
  const town = encodeName([['2.5.4.10', '関所町']])
  const judge = (
    names: readonly Uint8Array[],
    permitted: readonly Uint8Array[],
    excluded: readonly Uint8Array[],
  ): string => {
    const limits = extension.nameConstraints(permitted, excluded)
    const ica = make('ica', 11, rootOf, [...isAuthority, limits])
    const leaf = make('leaf', 12, { name: 'ica', key: 11 }, [extension.subjectAltName(names)])
    return codeOf(verifyPath(leaf, demands({ intermediates: [ica] })))
  }
  const { directory, email, dns, uri, ip, otherText } = generalName
  const inside = encodeName([
    ['2.5.4.10', '関所町'],
    ['2.5.4.3', '見本'],
  ])
  assert.equal(judge([directory(inside)], [], [directory(town)]), 'name-excluded')
  assert.equal(
    judge([directory(encodeName([['2.5.4.10', '隣町']]))], [], [directory(town)]),
    'passed',
  )
  assert.equal(judge([email('a@example.jp')], [email('example.jp')], []), 'passed')
  assert.equal(judge([email('a@sub.example.jp')], [email('example.jp')], []), 'name-not-permitted')
  assert.equal(judge([dns('a.example.jp')], [dns('example.jp')], [dns('b.example.jp')]), 'passed')
  assert.equal(
    judge([dns('b.example.jp')], [dns('example.jp')], [dns('b.example.jp')]),
    'name-excluded',
  )
  assert.equal(judge([dns('*.example.jp')], [], [dns('b.example.jp')]), 'name-excluded')
  assert.equal(judge([uri('https://a.example.jp/x')], [uri('.example.jp')], []), 'passed')
  assert.equal(
    judge([uri('https://example.com/?.example.jp')], [uri('.example.jp')], []),
    'name-not-permitted',
  )
  assert.equal(
    judge([uri('https://x@10.0.0.1/')], [uri('.example.jp')], []),
    'certificate-malformed',
  )
  const range = Uint8Array.of(192, 0, 2, 0, 255, 255, 255, 0)
  assert.equal(judge([ip(Uint8Array.of(192, 0, 2, 7))], [ip(range)], []), 'passed')
  assert.equal(judge([ip(Uint8Array.of(192, 0, 3, 7))], [ip(range)], []), 'name-not-permitted')
  const gap = Uint8Array.of(192, 0, 2, 0, 255, 0, 255, 0)
  assert.equal(judge([ip(Uint8Array.of(192, 0, 2, 7))], [ip(gap)], []), 'certificate-malformed')
  const other = otherText('2.999.7', 'x')
  assert.equal(judge([other], [], [other]), 'name-constraint-unsupported')
  assert.equal(judge([dns('a.example.jp')], [], [other]), 'passed')
})

test('a serial of zero, below zero or beyond twenty octets is refused in a leaf', () => {
  assert.equal(
    codeOf(verifyPath(make('leaf', 12, rootOf, [], { serial: 0 }), demands())),
    'serial-unacceptable',
  )
})

test('an intermediate that expired is passed over for one that did not', () => {
  const leaf = make('leaf', 12, { name: 'ica', key: 11 }, [])
  const old = make('ica', 11, rootOf, isAuthority, { notAfter: start + 1, serial: 1 })
  const good = make('ica', 11, rootOf, isAuthority, { serial: 2 })
  assert.equal(codeOf(verifyPath(leaf, demands({ intermediates: [old, good] }))), 'passed')
  assert.equal(codeOf(verifyPath(leaf, demands({ intermediates: [old] }))), 'certificate-expired')
})
