/**
 * The situations of revocation that NIST's path validation suite (PKITS sections 4.4, 4.5, 4.14, 4.15) asks about, rebuilt
 * from RFC 5280 with our own certificates and lists. Each is judged by `judgePathCase` and by openssl; where openssl
 * differs, the case says why.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCertificate } from './certificate.ts'
import { keyUsages } from './extension.ts'
import { generalName, signed } from './issue/certificate.ts'
import type { RevokedEntry } from './issue/crl.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { judgePathCase } from './path-batch.ts'
import { parseCrl } from './crl.ts'
import {
  authority,
  type Entity,
  freshestCrl,
  list,
  nameOf,
  person,
  relativeNameOf,
  revoked,
  unknownCritical,
  worldNow,
} from './pki-world-for-tests.ts'
import type { RevocationReason } from './revocation-reason.ts'

interface Situation {
  readonly leaf: Entity
  readonly bag: readonly Entity[]
  readonly lists: readonly Uint8Array[]
}

interface Case {
  /** Section and number of the suite. */
  readonly id: string
  readonly what: string
  /** What we say: passed, or the leading reason. */
  readonly says: string
  /** Why openssl says otherwise. */
  readonly opensslDiffers?: string
  readonly make: () => Situation
}

const day = 86_400_000
const keys = new KeyCache(256)
const root = authority(nameOf('Root'), 60)
const rootList = list(root)
const ca = authority(nameOf('CA'), 61, root)
const crlSignOnly = keyUsages.crlSign
const flags = {
  keyCompromise: 1 << 1,
  caCompromise: 1 << 2,
  others: (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8),
}

/** A person below the usual CA, with the lists that the case makes of it. */
function below(
  lists: (one: Entity) => readonly Uint8Array[],
  wish: Parameters<typeof person>[2] = {},
  issuer: Entity = ca,
): Situation {
  const leaf = person(nameOf('Person'), issuer, wish)
  return { leaf, bag: [issuer], lists: [rootList, ...lists(leaf)] }
}

const basic: readonly Case[] = [
  {
    id: '4.4.1',
    what: 'no list of the CA',
    says: 'crl-other-issuer',
    make: () => below(() => []),
  },
  {
    id: '4.4.2',
    what: 'the CA is revoked',
    says: 'certificate-revoked',
    make: () => {
      const gone = authority(nameOf('Revoked CA'), 62, root)
      const leaf = person(nameOf('Person'), gone)
      const lists = [list(root, { entries: [revoked(gone)] }), list(gone)]
      return { leaf, bag: [gone], lists }
    },
  },
  {
    id: '4.4.3',
    what: 'the person is revoked',
    says: 'certificate-revoked',
    make: () => below(one => [list(ca, { entries: [revoked(one)] })]),
  },
  {
    id: '4.4.4',
    what: 'the signature of the list is bad',
    says: 'crl-signature-bad',
    make: () =>
      below(() => [
        signed(parseCrl(list(ca)).tbs, 'rsa-sha256', () => new Uint8Array(256).fill(1)),
      ]),
  },
  {
    id: '4.4.5',
    what: 'the list names another issuer',
    says: 'crl-other-issuer',
    make: () => below(() => [list({ ...ca, name: nameOf('Somebody') })]),
  },
  {
    id: '4.4.6',
    what: 'there is only a list of another CA',
    says: 'crl-other-issuer',
    make: () => below(() => [list(authority(nameOf('Other CA'), 63, root))]),
  },
  {
    id: '4.4.7',
    what: 'of two lists under the CA’s name one is signed by it',
    says: 'passed',
    make: () => below(one => [list({ ...ca, key: 64 }, { entries: [revoked(one)] }), list(ca)]),
  },
  {
    id: '4.4.8',
    what: 'an entry has a critical extension that nobody knows',
    says: 'crl-extension-unknown',
    make: () =>
      below(() => [
        list(ca, {
          entries: [revoked(ca, 'keyCompromise', { extensions: [unknownCritical] })],
        }),
      ]),
  },
  {
    id: '4.4.9',
    what: 'the list has a critical extension that nobody knows',
    says: 'crl-extension-unknown',
    make: () => below(() => [list(ca, { extensions: [unknownCritical] })]),
  },
  {
    id: '4.4.11',
    what: 'the list is past its next update',
    says: 'crl-stale',
    make: () =>
      below(() => [list(ca, { thisUpdate: worldNow - 3 * day, nextUpdate: worldNow - day })]),
  },
  {
    id: '4.4.12',
    what: 'the next update was before 2000',
    says: 'crl-stale',
    make: () =>
      below(() => [
        list(ca, { thisUpdate: Date.UTC(1998, 0, 1), nextUpdate: Date.UTC(1999, 0, 1) }),
      ]),
  },
  {
    id: '4.4.13',
    what: 'the next update is after 2049 and so a GeneralizedTime',
    says: 'passed',
    make: () => below(() => [list(ca, { nextUpdate: Date.UTC(2050, 0, 2) })]),
  },
  {
    id: '4.4.14',
    what: 'a negative serial, and a list that names 255',
    // RFC 5280 §4.1.2.2 leaves open how such certificates are dealt with, and x509-limbo wants them refused.
    says: 'serial-unacceptable',
    opensslDiffers: 'it accepts serials below zero',
    make: () => {
      const leaf = withNegativeSerial(person(nameOf('Person'), ca, { serial: Uint8Array.of(1) }))
      const entries = [{ ...revoked(leaf), serial: Uint8Array.of(255) }]
      return { leaf, bag: [ca], lists: [rootList, list(ca, { entries })] }
    },
  },
  ...[false, true].map(
    (isRevoked): Case => ({
      id: isRevoked ? '4.4.18' : '4.4.16',
      what: `a serial of 20 octets, ${isRevoked ? '' : 'not '}revoked`,
      says: isRevoked ? 'certificate-revoked' : 'passed',
      make: () => {
        const serial = new Uint8Array(20).fill(0x7f)
        const other = { ...revoked(ca), serial: Uint8Array.of(...serial.subarray(0, 19), 0x7e) }
        const make = (one: Entity) =>
          list(ca, { entries: isRevoked ? [other, revoked(one)] : [other] })
        return below(one => [make(one)], { serial })
      },
    }),
  ),
  ...separateKeys(),
]

/** The same certificate with the serial -1, signed again. */
function withNegativeSerial(one: Entity): Entity {
  const hex = Buffer.from(one.certificate.tbs).toString('hex')
  const tbs = Uint8Array.from(Buffer.from(hex.replace('020101', '0201ff'), 'hex'))
  const der = signed(tbs, 'rsa-sha256', poolKey(ca.key).sign)
  return { ...one, certificate: parseCertificate(der) }
}

/** 4.4.19 to 4.4.21: a CA with a key of its own for lists. */
function separateKeys(): readonly Case[] {
  const name = nameOf('CA with two keys')
  const issuing = authority(name, 65, root, { usage: keyUsages.keyCertSign })
  const listing = authority(name, 66, root, { usage: crlSignOnly })
  const situation = (
    lists: (one: Entity) => readonly Uint8Array[],
    entries: readonly Entity[] = [],
  ): Situation => {
    const leaf = person(nameOf('Person'), issuing)
    const top = list(root, { entries: entries.map(each => revoked(each)) })
    return { leaf, bag: [issuing, listing], lists: [top, ...lists(leaf)] }
  }
  return [
    {
      id: '4.4.19',
      what: 'the CA signs lists with another key than certificates',
      says: 'passed',
      make: () => situation(() => [list(listing)]),
    },
    {
      id: '4.4.20',
      what: 'the same, and the person is revoked',
      says: 'certificate-revoked',
      make: () => situation(one => [list(listing, { entries: [revoked(one)] })]),
    },
    {
      id: '4.4.21',
      what: 'the certificate of the key for lists is revoked',
      says: 'crl-signer-untrusted',
      make: () => situation(() => [list(listing)], [listing]),
    },
    {
      id: '4.4.21 b',
      what: 'the key for lists belongs to another anchor',
      says: 'crl-signer-untrusted',
      make: () => {
        const stranger = authority(name, 66)
        const leaf = person(nameOf('Person'), issuing)
        return { leaf, bag: [issuing, stranger], lists: [rootList, list(listing)] }
      },
    },
    {
      id: '4.4.21 c',
      what: 'the certificate of the key for lists is not for signing lists',
      says: 'crl-issuer-key-usage',
      opensslDiffers: 'its command prints that the purpose is wrong, and goes on',
      make: () => {
        const leaf = person(nameOf('Person'), issuing)
        const unfit = authority(name, 66, root, { usage: keyUsages.keyCertSign })
        return { leaf, bag: [issuing, unfit], lists: [rootList, list(listing)] }
      },
    },
  ]
}

/** 4.5: keys that were changed, and self-issued certificates. */
function changedKeys(): readonly Case[] {
  const point = (of: string) => [{ names: [generalName.directory(nameOf('Points', of))] }]
  const name = nameOf('CA with a new key')
  const fresh = authority(name, 67, root)
  const oldWithNew = authority(name, 68, fresh, { points: point('old with new') })
  const byOld = { ...oldWithNew, certificate: oldWithNew.certificate }
  const pointList = (of: string, signer: Entity) =>
    list(signer, { partition: nameOf('Points', of) })

  const earlier = nameOf('CA with an old key')
  const old = authority(earlier, 69, root)
  const newWithOld = authority(earlier, 70, old, { points: point('new with old') })

  const third = nameOf('CA with a self-issued key for lists')
  const issuing = authority(third, 71, root, { usage: keyUsages.keyCertSign | keyUsages.crlSign })
  const listing = authority(third, 72, issuing, { usage: crlSignOnly, points: point('listing') })
  const make = (
    issuer: Entity,
    bag: readonly Entity[],
    signer: Entity,
    more: readonly Uint8Array[],
    isRevoked: boolean,
  ): Situation => {
    const leaf = person(nameOf('Person'), issuer)
    const own = list(signer, { entries: isRevoked ? [revoked(leaf)] : [] })
    return { leaf, bag, lists: [rootList, own, ...more] }
  }
  const both = (
    id: readonly [string, string],
    what: string,
    of: (isRevoked: boolean) => Situation,
  ) =>
    [false, true].map(
      (isRevoked): Case => ({
        id: isRevoked ? id[1] : id[0],
        what: isRevoked ? `${what}, and the person is revoked` : what,
        says: isRevoked ? 'certificate-revoked' : 'passed',
        make: () => of(isRevoked),
      }),
    )
  return [
    ...both(['4.5.1', '4.5.2'], 'issued by the old key, listed by the new one', isRevoked =>
      make(byOld, [fresh, oldWithNew], fresh, [pointList('old with new', fresh)], isRevoked),
    ),
    ...both(['4.5.3', '4.5.5'], 'issued by the new key, listed by the old one', isRevoked =>
      make(newWithOld, [old, newWithOld], old, [pointList('new with old', old)], isRevoked),
    ),
    ...both(['4.5.6', '4.5.7'], 'listed by a key that the CA itself certified for it', isRevoked =>
      make(issuing, [issuing, listing], listing, [pointList('listing', issuing)], isRevoked),
    ),
    {
      id: '4.5.8',
      what: 'a key for lists signs a certificate',
      says: 'issuer-key-usage',
      make: () =>
        make(listing, [issuing, listing], listing, [pointList('listing', issuing)], false),
    },
  ]
}

const mine = nameOf('Points', 'mine')
const minePoint = { names: [generalName.directory(mine)] }
const other = nameOf('Points', 'other')

const points: readonly Case[] = [
  {
    id: '4.14.1',
    what: 'the list is of the certificate’s distribution point',
    says: 'passed',
    make: () => below(() => [list(ca, { partition: mine })], { points: [minePoint] }),
  },
  {
    id: '4.14.2',
    what: 'the same, and the person is revoked',
    says: 'certificate-revoked',
    make: () =>
      below(one => [list(ca, { partition: mine, entries: [revoked(one)] })], {
        points: [minePoint],
      }),
  },
  {
    id: '4.14.3',
    what: 'the list is of another distribution point',
    says: 'crl-other-partition',
    make: () => below(() => [list(ca, { partition: other })], { points: [minePoint] }),
  },
  ...relativeNames(),
  {
    id: '4.14.10',
    what: 'a list without distribution point covers every certificate',
    says: 'passed',
    make: () => below(() => [list(ca)], { points: [minePoint] }),
  },
  {
    id: '4.14.11',
    what: 'a CA’s certificate, and a list of users’ certificates only',
    says: 'crl-other-partition',
    make: () => authorityLeaf('users'),
  },
  {
    id: '4.14.12',
    what: 'a person’s certificate, and a list of CAs’ certificates only',
    says: 'crl-other-partition',
    make: () => below(() => [list(ca, { scope: { covers: 'authorities' } })]),
  },
  {
    id: '4.14.13',
    what: 'a CA’s certificate, and a list of CAs’ certificates only',
    says: 'passed',
    make: () => authorityLeaf('authorities'),
  },
  {
    id: '4.14.14',
    what: 'a list of attribute certificates only',
    says: 'crl-other-partition',
    make: () => below(() => [list(ca, { scope: { covers: 'attributes' } })]),
  },
  ...someReasons(),
  ...indirectLists(),
]

function authorityLeaf(covers: 'users' | 'authorities'): Situation {
  const leaf = authority(nameOf('CA below'), 73, ca)
  return { leaf, bag: [ca], lists: [rootList, list(ca, { scope: { covers } })] }
}

/** 4.14.4 to 4.14.9: names relative to the issuer's on either side. */
function relativeNames(): readonly Case[] {
  const full = nameOf('CA', 'point 1')
  const relative = relativeNameOf('point 1')
  const certificateSide = {
    full: { names: [generalName.directory(full)] },
    relative: { relativeName: relative },
  }
  const listSide = {
    full: { partition: full },
    relative: { scope: { relativeName: relative } },
  }
  const sides = ['full', 'relative'] as const
  const fits = sides.flatMap(one =>
    sides
      .filter(two => one !== 'full' || two !== 'full')
      .flatMap(two => [
        {
          id: `4.14.4-7 ${one} ${two}`,
          what: `the certificate has a ${one} name, the list a ${two} one, and they are the same`,
          says: 'passed',
          make: () => below(() => [list(ca, listSide[two])], { points: [certificateSide[one]] }),
        },
        {
          id: `4.14.6 ${one} ${two}`,
          what: `the same, and the person is revoked`,
          says: 'certificate-revoked',
          make: () =>
            below(person => [list(ca, { ...listSide[two], entries: [revoked(person)] })], {
              points: [certificateSide[one]],
            }),
        },
      ]),
  )
  return [
    ...fits,
    {
      id: '4.14.8',
      what: 'relative names that differ',
      says: 'crl-other-partition',
      make: () =>
        below(() => [list(ca, { scope: { relativeName: relativeNameOf('point 2') } })], {
          points: [{ relativeName: relative }],
        }),
    },
    {
      id: '4.14.9',
      what: 'a relative name whose full form differs',
      says: 'crl-other-partition',
      make: () =>
        below(() => [list(ca, { partition: nameOf('Points', 'point 1') })], {
          points: [{ relativeName: relative }],
        }),
    },
  ]
}

/** 4.14.15 to 4.14.21. */
function someReasons(): readonly Case[] {
  const compromised = { reasons: flags.keyCompromise | flags.caCompromise }
  const rest = { reasons: flags.others }
  const parts = [
    { names: [generalName.directory(mine)], reasons: compromised.reasons },
    { names: [generalName.directory(other)], reasons: rest.reasons },
  ]
  const hold = 'certificateHold'
  return [
    {
      id: '4.14.15',
      what: 'a list of some reasons revokes',
      says: 'certificate-revoked',
      make: () => below(one => [list(ca, { scope: compromised, entries: [revoked(one)] })]),
    },
    {
      id: '4.14.16',
      what: 'a list of the other reasons holds',
      says: 'certificate-held',
      make: () => below(one => [list(ca, { scope: rest, entries: [revoked(one, hold)] })]),
    },
    {
      id: '4.14.17',
      what: 'two lists leave a reason open',
      says: 'crl-reasons-missing',
      make: () =>
        below(() => [
          list(ca, { scope: compromised }),
          list(ca, { scope: { reasons: flags.others & ~(1 << 5) } }),
        ]),
    },
    {
      id: '4.14.18',
      what: 'two lists cover all reasons together',
      says: 'passed',
      make: () => below(() => [list(ca, { scope: compromised }), list(ca, { scope: rest })]),
    },
    {
      id: '4.14.19',
      what: 'two distribution points for different reasons, a list for each',
      says: 'passed',
      make: () =>
        below(
          () => [
            list(ca, { partition: mine, scope: compromised }),
            list(ca, { partition: other, scope: rest }),
          ],
          { points: parts },
        ),
    },
    {
      id: '4.14.20',
      what: 'the same, revoked by the first',
      says: 'certificate-revoked',
      make: () =>
        below(
          one => [
            list(ca, { partition: mine, scope: compromised, entries: [revoked(one)] }),
            list(ca, { partition: other, scope: rest }),
          ],
          { points: parts },
        ),
    },
    {
      id: '4.14.21',
      what: 'the same, revoked by the second',
      says: 'certificate-revoked',
      make: () =>
        below(
          one => [
            list(ca, { partition: mine, scope: compromised }),
            list(ca, {
              partition: other,
              scope: rest,
              entries: [revoked(one, 'affiliationChanged')],
            }),
          ],
          { points: parts },
        ),
    },
    {
      id: '4.14.21 b',
      what: 'one of the two distribution points has no list',
      says: 'crl-reasons-missing',
      make: () =>
        below(() => [list(ca, { partition: mine, scope: compromised })], { points: parts }),
    },
    {
      id: '4.14.21 c',
      what: 'lists for all reasons, but of points for some: only those count',
      says: 'crl-reasons-missing',
      make: () => below(() => [list(ca, { partition: mine })], { points: parts }),
    },
  ]
}

/** 4.14.22 to 4.14.35. */
function indirectLists(): readonly Case[] {
  const indirect = { isIndirect: true }
  const lister = authority(nameOf('Lister'), 74, root, { usage: crlSignOnly })
  const byLister = { names: [generalName.directory(mine)], issuers: [lister.name] }
  const otherCa = authority(nameOf('CA 2'), 75, root)
  const withLister = (
    lists: (one: Entity) => readonly Uint8Array[],
    wish: Parameters<typeof person>[2] = { points: [byLister] },
    bag: readonly Entity[] = [lister],
  ): Situation => {
    const found = below(lists, wish)
    return { ...found, bag: [...found.bag, ...bag] }
  }
  const serial = Uint8Array.of(0x11, 0x22)
  const of = (issuer: Entity) => ({
    serial,
    revokedAt: worldNow - day,
    reason: 'keyCompromise' as const,
    issuer: issuer.name,
  })
  return [
    {
      id: '4.14.22',
      what: 'an indirect list of the CA itself',
      says: 'passed',
      make: () => below(() => [list(ca, { scope: indirect })]),
    },
    {
      id: '4.14.23',
      what: 'the same, and the person is revoked',
      says: 'certificate-revoked',
      make: () => below(one => [list(ca, { scope: indirect, entries: [revoked(one)] })]),
    },
    {
      id: '4.14.24',
      what: 'the list of another CA that the certificate names',
      says: 'passed',
      make: () => {
        const point = { names: [generalName.directory(mine)], issuers: [otherCa.name] }
        return withLister(
          () => [list(otherCa, { partition: mine, scope: indirect })],
          { points: [point] },
          [otherCa],
        )
      },
    },
    {
      id: '4.14.25',
      what: 'an indirect list with the serial for another issuer, then for this one',
      says: 'certificate-revoked',
      make: () =>
        withLister(
          one => [
            list(lister, {
              partition: mine,
              scope: indirect,
              entries: [revoked(one, 'superseded', { issuer: otherCa.name }), of(ca)],
            }),
          ],
          { points: [byLister], serial },
        ),
    },
    {
      id: '4.14.26',
      what: 'a list of another CA that the certificate does not name',
      says: 'crl-other-issuer',
      make: () =>
        withLister(() => [list(otherCa, { scope: indirect })], { points: [minePoint] }, [otherCa]),
    },
    {
      id: '4.14.27',
      what: 'the named issuer’s list is not an indirect one',
      says: 'crl-other-issuer',
      make: () => withLister(() => [list(lister, { partition: mine })]),
    },
    {
      id: '4.14.28',
      what: 'the list of an issuer that is no CA of certificates',
      says: 'passed',
      make: () => withLister(() => [list(lister, { partition: mine, scope: indirect })]),
    },
    {
      id: '4.14.29',
      what: 'the same, by a name relative to that issuer’s',
      says: 'passed',
      make: () => {
        const point = { relativeName: relativeNameOf('point'), issuers: [lister.name] }
        const partition = nameOf('Lister', 'point')
        return withLister(() => [list(lister, { partition, scope: indirect })], { points: [point] })
      },
    },
    {
      id: '4.14.29 b',
      what: 'a point that has no name but its issuer’s',
      says: 'passed',
      make: () =>
        withLister(() => [list(lister, { partition: lister.name, scope: indirect })], {
          points: [{ issuers: [lister.name] }],
        }),
    },
    {
      id: '4.14.30',
      what: 'an issuer of lists whose own certificate is covered by its list alone',
      says: 'passed',
      opensslDiffers: 'it does not follow a list whose signer has to be judged by that list',
      make: () => {
        const name = nameOf('Lister of itself')
        const point = { names: [generalName.directory(mine)], issuers: [name] }
        const self = authority(name, 76, ca, { usage: crlSignOnly, points: [point] })
        return withLister(
          () => [list(self, { partition: mine, scope: indirect })],
          { points: [point] },
          [self],
        )
      },
    },
    {
      id: '4.14.30 b',
      what: 'the same, and it lists itself',
      says: 'crl-signer-untrusted',
      make: () => {
        const name = nameOf('Lister of itself')
        const point = { names: [generalName.directory(mine)], issuers: [name] }
        const self = authority(name, 76, ca, { usage: crlSignOnly, points: [point] })
        const entries = [revoked(self, 'keyCompromise', { issuer: ca.name })]
        return withLister(
          () => [list(self, { partition: mine, scope: indirect, entries })],
          { points: [point] },
          [self],
        )
      },
    },
    ...sameSerials(
      entries =>
        withLister(() => [list(lister, { partition: mine, scope: indirect, entries })], {
          points: [byLister],
          serial,
        }),
      of,
      otherCa,
    ),
    {
      id: '4.14.35',
      what: 'the list is of an issuer that the certificate does not name',
      says: 'crl-other-issuer',
      make: () =>
        withLister(() => [list(otherCa, { partition: mine, scope: indirect })], undefined, [
          lister,
          otherCa,
        ]),
    },
  ]
}

/** 4.14.31 to 4.14.34: entries for the person's serial, of this issuer and of another. */
function sameSerials(
  situation: (entries: readonly RevokedEntry[]) => Situation,
  of: (issuer: Entity) => RevokedEntry,
  otherCa: Entity,
): readonly Case[] {
  // The issuer of an entry holds for those after it, until another is named.
  const following = { ...of(ca), issuer: undefined }
  const elsewhere = (issuer: Entity) => ({ ...of(issuer), serial: Uint8Array.of(0x33) })
  const cases = [
    ['4.14.31', 'named for this issuer', [of(ca)], true],
    ['4.14.32', 'after an entry of this issuer', [elsewhere(ca), following], true],
    ['4.14.33', 'named for another issuer', [of(otherCa)], false],
    ['4.14.33 b', 'after an entry of another issuer', [elsewhere(otherCa), following], false],
    ['4.14.34', 'named for both', [of(otherCa), following, of(ca)], true],
  ] as const
  return cases.map(([id, what, entries, isRevoked]) => ({
    id,
    what: `the serial is ${what}`,
    says: isRevoked ? 'certificate-revoked' : 'passed',
    make: () => situation(entries),
  }))
}

/** 4.15. */
function deltas(): readonly Case[] {
  const withFreshest = { extensions: [freshestCrl(nameOf('Points', 'delta'))] }
  type Entries = (one: Entity) => readonly RevokedEntry[]
  const none: Entries = () => []
  const named =
    (reason: RevocationReason): Entries =>
    one => [revoked(one, reason)]
  const make = (
    full: Entries,
    delta: Entries,
    vary: { readonly full?: object; readonly delta?: object } = {},
  ): Situation =>
    below(one => [
      list(ca, { number: 5, ...withFreshest, entries: full(one), ...vary.full }),
      list(ca, { number: 7, deltaBase: 5, entries: delta(one), ...vary.delta }),
    ])
  const stale = { thisUpdate: worldNow - 3 * day, nextUpdate: worldNow - 2 * day }
  const cases: readonly (readonly [
    id: string,
    what: string,
    says: string,
    situation: () => Situation,
  ])[] = [
    [
      '4.15.1',
      'a delta without a full list',
      'crl-base-missing',
      () => below(() => [list(ca, { number: 7, deltaBase: 5 })]),
    ],
    ['4.15.2', 'neither names the person', 'passed', () => make(none, none)],
    [
      '4.15.3',
      'the full list names the person',
      'certificate-revoked',
      () => make(named('keyCompromise'), none),
    ],
    [
      '4.15.4',
      'the delta names the person',
      'certificate-revoked',
      () => make(none, named('keyCompromise')),
    ],
    [
      '4.15.5',
      'a hold that the delta takes away',
      'passed',
      () => make(named('certificateHold'), named('removeFromCRL')),
    ],
    [
      '4.15.6',
      'a hold that the delta makes a revocation',
      'certificate-revoked',
      () => make(named('certificateHold'), named('keyCompromise')),
    ],
    [
      '4.15.7',
      'the delta takes away what the full list does not have',
      'passed',
      () => make(none, named('removeFromCRL')),
    ],
    [
      '4.15.8',
      'the delta is to an earlier full list',
      'passed',
      () => make(none, none, { delta: { deltaBase: 3 } }),
    ],
    [
      '4.15.9',
      'the same, and it names the person',
      'certificate-revoked',
      () => make(none, named('superseded'), { delta: { deltaBase: 3 } }),
    ],
    [
      '4.15.10',
      'the delta is to a later full list, and the one at hand is out of date',
      'crl-stale',
      () => make(none, none, { full: stale, delta: { deltaBase: 6 } }),
    ],
    [
      '4.15.10 b',
      'the full list is out of date, the delta over it is not',
      'passed',
      () => make(none, none, { full: stale }),
    ],
    [
      '4.15.10 c',
      'full list and delta are out of date',
      'crl-stale',
      () => make(none, none, { full: stale, delta: stale }),
    ],
    [
      '4.15 d',
      'a delta older than the full list changes nothing',
      'passed',
      () => make(none, named('keyCompromise'), { delta: { number: 4, deltaBase: 3 } }),
    ],
    [
      '4.15 e',
      'a delta of another distribution point changes nothing',
      'passed',
      () => make(none, named('keyCompromise'), { delta: { partition: other } }),
    ],
  ]
  return cases.map(([id, what, says, situation]) => ({ id, what, says, make: situation }))
}

function judged({ leaf, bag, lists }: Situation): string {
  const outcome = judgePathCase(
    {
      id: 'case',
      leaf: leaf.certificate.raw,
      bag: bag.map(each => each.certificate.raw),
      anchors: [root.certificate.raw],
      crls: lists,
      ocsp: [],
      at: worldNow,
      policies: { acceptable: 'any', explicit: false, inhibitMapping: false, inhibitAny: false },
      purpose: undefined,
      keyUsage: 0,
      revocation: 'required',
    },
    keys,
  )
  return outcome.reasons[0]?.code ?? outcome.verdict
}

function judgedByOpenssl({ leaf, bag, lists }: Situation): { isGood: boolean; text: string } {
  using openssl = new OpensslJudge()
  const pem = (label: string, ders: readonly Uint8Array[]): string =>
    ders
      .map(
        der =>
          `-----BEGIN ${label}-----\n${(
            Buffer.from(der)
              .toString('base64')
              .match(/.{1,64}/g) ?? []
          ).join('\n')}\n-----END ${label}-----\n`,
      )
      .join('')
  const anchor = openssl.file('anchor.pem', pem('CERTIFICATE', [root.certificate.raw]))
  const others = pem(
    'CERTIFICATE',
    bag.map(each => each.certificate.raw),
  )
  const options = ['-crl_check_all', '-extended_crl', '-use_deltas', '-CAfile', anchor]
  const said = openssl.run(
    'verify',
    ...options,
    '-attime',
    String(worldNow / 1000),
    '-untrusted',
    openssl.file('bag.pem', others),
    '-CRLfile',
    openssl.file('lists.pem', pem('X509 CRL', lists)),
    openssl.file('leaf.pem', pem('CERTIFICATE', [leaf.certificate.raw])),
  )
  return { isGood: said.status === 0, text: said.text }
}

const sections = {
  'basic revocation (4.4)': basic,
  'changed keys and self-issued certificates (4.5)': changedKeys(),
  'distribution points (4.14)': points,
  'delta lists (4.15)': deltas(),
}

for (const [section, cases] of Object.entries(sections)) {
  describe(section, () => {
    for (const { id, what, says, opensslDiffers, make } of cases) {
      it(`${id}: ${what}: ${says}`, () => {
        const situation = make()
        assert.equal(judged(situation), says)
        const { isGood, text } = judgedByOpenssl(situation)
        // A difference that is gone must not stay in the list.
        const isSame = isGood === (says === 'passed')
        assert.equal(isSame, opensslDiffers === undefined, text)
      })
    }
  })
}
