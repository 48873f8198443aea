/** The rules for revocation lists of a partition, full and delta (jpki.md §2.5–2.6, RFC 5280 §5). */
import {
  bytesEqual,
  type Certificate,
  DerReader,
  type Instant,
  type Name,
  parseCrl,
  type RevocationList,
  type RevocationReason,
  signatureAlgorithm,
  tags,
} from '@sekisho/pki'
import { serialHex } from '../ca/serial.ts'
import {
  algorithmOf,
  extensionsOf,
  type FramedExtension,
  readExtensions,
  readsInOwnForm,
  unsigned,
} from './frame.ts'
import { brokenLints, type Lint, type LintOf, parsed } from './lint.ts'

/** What a list must agree with. */
export type CrlFacts = {
  /** Undefined: the list is for every certificate of the CA. */
  readonly partition: Name | undefined
  /** The instant at which it is made. */
  readonly at: Instant
  /** For how long a list may speak, in milliseconds. */
  readonly lifetimeMs: number
  /** Number of the list that it is a delta to; undefined: it is a full list. */
  readonly deltaBase: number | undefined
  /** The list of this partition before it, if there was one. */
  readonly last: { readonly number: number; readonly thisUpdate: Instant } | undefined
  /** End of each certificate of the partition that may be on it, by serial in hexadecimal without a sign octet. */
  readonly ends: ReadonlyMap<string, Instant>
}

type Entry = {
  readonly serial: Uint8Array
  readonly revokedAt: Instant
  readonly reason: RevocationReason
  readonly extensions: readonly FramedExtension[]
}

type Subject = CrlFacts & {
  readonly kind: 'crl'
  readonly list: RevocationList
  readonly issuer: Certificate
  readonly entries: readonly Entry[]
  readonly extensions: readonly FramedExtension[]
}

const applies = ['crl'] as const

/** Every rule for lists. One that cannot be read at all, without a number for instance, is `crl-malformed`. */
export const crlLints: readonly Lint<Subject>[] = [
  {
    code: 'crl-algorithm',
    citation:
      'jpki.md §2.1 [A]: sha256WithRSAEncryption of today’s generations; §1.10 [B]: ECDSA with SHA-384 of the next',
    applies,
    holds: ({ list, issuer }) =>
      signatureAlgorithm(list.signatureAlgorithm) === algorithmOf(issuer.spki),
  },
  {
    code: 'crl-issuer',
    citation: 'RFC 5280 §5.1.2.3: the CA’s name, octet for octet',
    applies,
    holds: ({ list, issuer }) => bytesEqual(list.issuer.raw, issuer.subject.raw),
  },
  {
    code: 'crl-authority-key-id',
    citation: 'RFC 5280 §5.2.1; jpki.md §2.1 [A]: generations share a name',
    applies,
    holds: ({ list, issuer }) => {
      const [named, own] = [list.authorityKeyIdentifier?.keyId, issuer.subjectKeyIdentifier]
      return named !== undefined && own !== undefined && bytesEqual(named, own)
    },
  },
  {
    code: 'crl-partition',
    citation:
      'jpki.md §2.5 (inference), RFC 5280 §5.2.5: the distribution point of its certificates, for all of them',
    applies,
    holds: ({ list, partition }) => {
      if (partition === undefined)
        return list.scope.partition === undefined && list.scope.covers === 'all'
      const [point, ...more] = list.scope.partition ?? []
      const isOwn = point?.kind === 'directory' && bytesEqual(point.name.raw, partition.raw)
      return isOwn && more.length === 0 && list.scope.covers === 'all'
    },
  },
  {
    code: 'crl-partition-critical',
    citation: 'RFC 5280 §5.2.5: critical',
    applies,
    holds: ({ extensions }) => extensions.every(one => one.id !== pointId || one.isCritical),
  },
  {
    code: 'crl-delta',
    citation:
      'RFC 5280 §5.2.4: a delta says from which earlier list it was made, critically; a full list does not',
    applies,
    holds: ({ list, deltaBase, extensions }) =>
      list.deltaBase === deltaBase &&
      (deltaBase === undefined || deltaBase < list.number) &&
      extensions.every(({ id, isCritical }) => id !== deltaId || isCritical),
  },
  {
    code: 'crl-extension-known',
    citation: 'CA rule: no extension but those that have a rule here',
    applies,
    holds: ({ extensions }) => extensions.every(({ id }) => ruled.has(id)),
  },
  {
    code: 'crl-number',
    citation: 'RFC 5280 §5.2.3: grows from list to list',
    applies,
    holds: ({ list, last }) => list.number > (last?.number ?? 0),
  },
  {
    code: 'crl-time-form',
    citation: 'RFC 5280 §5.1.2.4–6: UTCTime through 2049',
    applies,
    holds: hasTimesInOwnForm,
  },
  {
    code: 'crl-this-update',
    citation: 'RFC 5280 §5.1.2.4: the date of issue; CA rule: not before the list that it follows',
    applies,
    holds: ({ list, at, last }) =>
      Math.floor(at / 1000) * 1000 === list.thisUpdate &&
      list.thisUpdate >= (last?.thisUpdate ?? list.thisUpdate),
  },
  {
    code: 'crl-next-update',
    citation:
      'RFC 5280 §5.1.2.5: after this update; jpki.md §2.5 [B]: daily, so as long as the rules say',
    applies,
    holds: ({ list, lifetimeMs }) =>
      list.nextUpdate > list.thisUpdate && list.nextUpdate - list.thisUpdate <= lifetimeMs,
  },
  {
    code: 'crl-entry-order',
    citation: 'RFC 5280 §5.1.2.6: no serial twice; CA rule: in order',
    applies,
    holds: ({ entries }) =>
      entries.every(({ serial }, at) => {
        const before = entries[at - 1]?.serial
        return before === undefined || isBefore(before, serial)
      }),
  },
  {
    code: 'crl-entry-reason',
    citation: 'jpki.md §2.6 [B]: reasons in use; RFC 5280 §5.3.1: removeFromCRL in deltas',
    applies,
    holds: ({ entries }) =>
      entries.every(({ reason }) => usedReasons.has(reason) || reason === 'removeFromCRL'),
  },
  {
    code: 'crl-entry-reason-unspecified',
    citation: 'RFC 5280 §5.3.1: unspecified is said by leaving the reason out',
    applies,
    holds: ({ entries }) =>
      entries.every(
        ({ reason, extensions }) =>
          reason !== 'unspecified' || extensions.every(({ id }) => id !== reasonId),
      ),
  },
  {
    code: 'crl-entry-extension',
    citation: 'RFC 5280 §5.3: the reason alone, not critical',
    applies,
    holds: ({ entries }) =>
      entries.every(({ extensions }) =>
        extensions.every(({ id, isCritical }) => id === reasonId && !isCritical),
      ),
  },
  {
    code: 'crl-entry-instant',
    citation: 'CA rule: nothing is revoked later than its list is made',
    applies,
    holds: ({ list, entries }) => entries.every(({ revokedAt }) => revokedAt <= list.thisUpdate),
  },
  {
    code: 'crl-entry-known',
    citation: 'jpki.md §2.2 [A]: certificates of this key and municipality only',
    applies,
    holds: ({ entries, ends }) => entries.every(({ serial }) => ends.has(serialHex(serial))),
  },
  {
    code: 'crl-entry-expired',
    citation: 'RFC 5280 §3.3: on one list after its end, then gone',
    applies,
    holds: ({ list, entries, ends, last }) =>
      entries.every(({ serial }) => {
        const end = ends.get(serialHex(serial))
        return end === undefined || end >= (last?.thisUpdate ?? list.thisUpdate)
      }),
  },
]

/** Looks at a list of a CA generation before it is signed. */
export function crlLint(issuer: Certificate, facts: CrlFacts): LintOf {
  return (algorithm, tbs) => {
    const subject = parsed((): Subject => {
      const list = parseCrl(unsigned(algorithm, tbs))
      const extensions = extensionsOf(tbs, 0)
      return { ...facts, kind: 'crl', list, issuer, extensions, entries: readEntries(list) }
    })
    return subject === undefined ? ['crl-malformed'] : brokenLints(crlLints, subject)
  }
}

/** Entries as written, which the parsed list keeps only in part. */
function readEntries(list: RevocationList): readonly Entry[] {
  const rows = entryRows(list.tbs)
  const found: Entry[] = []
  for (let at = 0; !rows.isAtEnd; at++) {
    const row = rows.enter(tags.sequence)
    row.skipInteger()
    row.readTime()
    const extensions = row.isAtEnd ? [] : readExtensions(row)
    found.push({ ...list.entryAt(at), serial: list.serialAt(at), extensions })
  }
  return found
}

/** A reader over the entries; at its end when there are none. */
function entryRows(tbs: Uint8Array): DerReader {
  const reader = new DerReader(tbs).enter(tags.sequence)
  // Version, algorithm, issuer, this update, next update.
  for (let before = 0; before < 5; before++) reader.next()
  return reader.enterOptional(tags.sequence) ?? new DerReader(new Uint8Array())
}

function hasTimesInOwnForm({ list }: Subject): boolean {
  const reader = new DerReader(list.tbs).enter(tags.sequence)
  // Version, algorithm, issuer.
  for (let before = 0; before < 3; before++) reader.next()
  if (![reader, reader].every(readsInOwnForm)) return false
  const rows = entryRows(list.tbs)
  while (!rows.isAtEnd) {
    const row = rows.enter(tags.sequence)
    row.skipInteger()
    if (!readsInOwnForm(row)) return false
  }
  return true
}

/** Order of positive INTEGER contents by value. */
function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length ? Buffer.compare(a, b) < 0 : a.length < b.length
}

const reasonId = '2.5.29.21'
const pointId = '2.5.29.28'
const deltaId = '2.5.29.27'
/** Authority key identifier, number, delta indicator, partition. */
const ruled: ReadonlySet<string> = new Set(['2.5.29.35', '2.5.29.20', deltaId, pointId])

/** Reasons that the CAs give (jpki.md §2.6). */
export const usedReasons: ReadonlySet<RevocationReason> = new Set([
  'unspecified',
  'keyCompromise',
  'caCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
])
