/**
 * Certificate revocation lists (RFC 5280 §5). The entries of a list stay where they are in the input; only their
 * positions, times and reasons are kept, in typed arrays, so that a list of a million entries costs some tens of
 * megabytes and a tenth of a second. Whether a list is to be believed, and what it says about a certificate, is for
 * `crl-judgement.ts`.
 */
import {
  bytesEqual,
  contextConstructed,
  contextPrimitive,
  DerReader,
  MalformedError,
  readAll,
  tags,
} from './der.ts'
import {
  certificateIssuerId,
  type EntryTable,
  noEntries,
  readEntries,
  readExtension,
} from './crl-entry.ts'
import { element } from './der-writer.ts'
import {
  type AuthorityKeyIdentifier,
  type DistributionPoint,
  parseAuthorityKeyIdentifier,
  readDistributionPointName,
} from './extension.ts'
import type { GeneralName } from './general-name.ts'
import { Name, readName } from './name.ts'
import type { Instant } from './reason.ts'
import { type RevocationReason, reasonOfNumber } from './revocation-reason.ts'

/**
 * Largest list read: over a million usual entries of 37 bytes. The largest municipality has 3.8 million people, of whose
 * certificates of one kind a fifth may be revoked and unexpired.
 */
export const crlBytesMax = 40 * 1024 * 1024

/** IssuingDistributionPoint (RFC 5280 §5.2.5): what a list covers. */
export interface CrlScope {
  /** Names of the distribution point, relative ones made full; undefined: every certificate. */
  readonly partition: readonly GeneralName[] | undefined
  readonly covers: 'all' | 'users' | 'authorities' | 'attributes'
  /** ReasonFlags as bits; undefined: all reasons. */
  readonly reasons: number | undefined
  /** Whether entries may be of certificates of other issuers than the list's. */
  readonly isIndirect: boolean
  /** The encoded extension; undefined: absent. */
  readonly raw: Uint8Array | undefined
}

/** One entry of a list. */
export interface CrlEntry {
  readonly revokedAt: Instant
  readonly reason: RevocationReason
}

interface CrlFrame {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly entries: EntryTable
  readonly extensions: CrlExtensions
}

interface CrlExtensions {
  /** CRLNumber content, as a number up to 2^53 - 1. */
  readonly number: number
  readonly deltaBase: number | undefined
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  readonly scope: CrlScope
  /** Identifier of something critical that we cannot process, in the list or in an entry. */
  readonly unprocessed: string | undefined
}

let make: (frame: CrlFrame) => RevocationList

/** A parsed revocation list. Parsed is not verified: see `verifyCrl`. */
export class RevocationList {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly number: number
  /** Number of the full list that this delta list builds on; undefined: a full list. */
  readonly deltaBase: number | undefined
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  readonly scope: CrlScope
  readonly unprocessed: string | undefined
  readonly entries: EntryTable

  private constructor(frame: CrlFrame) {
    this.raw = frame.raw
    this.tbs = frame.tbs
    this.signatureAlgorithm = frame.signatureAlgorithm
    this.signature = frame.signature
    this.issuer = frame.issuer
    this.thisUpdate = frame.thisUpdate
    this.nextUpdate = frame.nextUpdate
    this.number = frame.extensions.number
    this.deltaBase = frame.extensions.deltaBase
    this.authorityKeyIdentifier = frame.extensions.authorityKeyIdentifier
    this.scope = frame.extensions.scope
    this.unprocessed = unprocessedIn(frame)
    this.entries = frame.entries
  }

  static {
    make = frame => new RevocationList(frame)
  }

  /** Number of entries. */
  get count(): number {
    return this.entries.count
  }

  /** INTEGER content of the serial of an entry. */
  serialAt(index: number): Uint8Array {
    const start = this.entries.serialStarts[index] ?? 0
    return this.raw.subarray(start, start + (this.entries.serialLengths[index] ?? 0))
  }

  entryAt(index: number): CrlEntry {
    return {
      revokedAt: (this.entries.revokedSeconds[index] ?? 0) * 1000,
      reason: reasonOfNumber(this.entries.reasons[index] ?? 0) ?? 'unspecified',
    }
  }

  /**
   * The last entry for a certificate of an issuer: the list's own, unless told otherwise. Goes through the list: a
   * `RevocationIndex` is the way to ask often. May throw `MalformedError` on names.
   */
  find(serial: Uint8Array, issuer: Name = this.issuer): CrlEntry | undefined {
    const { count, serialStarts, serialLengths, issuers } = this.entries
    if (issuers.length === 0 && !this.issuer.matches(issuer)) return undefined
    const last = serial[serial.length - 1]
    for (let i = count - 1; i >= 0; i--) {
      if (serialLengths[i] !== serial.length) continue
      if (this.raw[(serialStarts[i] ?? 0) + serial.length - 1] !== last) continue
      if (!bytesEqual(this.serialAt(i), serial)) continue
      if (issuers.length === 0 || this.#isOf(i, issuer)) return this.entryAt(i)
    }
    return undefined
  }

  // Of the change of issuer that stands before the entry, or the list's own issuer (RFC 5280 §5.3.3).
  #isOf(entry: number, issuer: Name): boolean {
    const { issuers } = this.entries
    let low = 0
    let high = issuers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((issuers[middle]?.first ?? 0) <= entry) low = middle + 1
      else high = middle
    }
    const own = issuers[low - 1]
    if (own === undefined) return this.issuer.matches(issuer)
    return own.names.some(each => each.kind === 'directory' && each.name.matches(issuer))
  }
}

// Entries of other issuers have a meaning in indirect lists only (RFC 5280 §5.3.3).
function unprocessedIn({ entries, extensions }: CrlFrame): string | undefined {
  const isOdd = entries.issuers.length > 0 && !extensions.scope.isIndirect
  return entries.unprocessed ?? extensions.unprocessed ?? (isOdd ? certificateIssuerId : undefined)
}

/** Reads a DER revocation list of version 2, which must fill `der`. Throws `MalformedError`. Keeps a reference. */
export function parseCrl(der: Uint8Array): RevocationList {
  return readAll(der, crlBytesMax, reader => {
    const outer = reader.enter(tags.sequence)
    const tbsStart = outer.position
    const tbs = outer.enter(tags.sequence)
    const tbsBytes = der.subarray(tbsStart, outer.position)
    const signatureAlgorithm = outer.readRawOf(tags.sequence)
    const signature = outer.readBitStringBytes()
    outer.finish()

    const versionStart = tbs.position
    // RFC 5280 §5.1.2.1: extensions, which §5.2 demands, need version 2.
    if (tbs.peek() !== tags.integer || tbs.readUnsigned(255) !== 1) {
      throw new MalformedError('version-unsupported', versionStart)
    }
    const innerStart = tbs.position
    if (!bytesEqual(tbs.readRawOf(tags.sequence), signatureAlgorithm)) {
      throw new MalformedError('algorithm-mismatch', innerStart)
    }
    const issuer = readName(tbs)
    const thisUpdate = tbs.readTime()
    const nextUpdate = tbs.readTime()
    const hasEntries = tbs.peek() === tags.sequence
    if (hasEntries) tbs.next()
    const entries = hasEntries ? readEntries(der, tbs.contentStart, tbs.contentEnd) : noEntries
    const extensions = readExtensions(tbs.enter(contextConstructed(0)), issuer)
    tbs.finish()
    checkTogether(entries, extensions)
    const frame = {
      signatureAlgorithm,
      signature,
      issuer,
      thisUpdate,
      nextUpdate,
      entries,
      extensions,
    }
    return make({ raw: der, tbs: tbsBytes, ...frame })
  })
}

// What may stand in some kinds of lists only.
function checkTogether(entries: EntryTable, extensions: CrlExtensions): void {
  // RFC 5280 §5.3.1: entries are taken away by delta lists only.
  if (extensions.deltaBase === undefined && entries.hasRemoval) {
    throw new MalformedError('value-invalid', 0, 'removeFromCRL in a full list')
  }
}

function readExtensions(wrapper: DerReader, issuer: Name): CrlExtensions {
  const list = wrapper.enter(tags.sequence)
  wrapper.finish()
  let number: number | undefined
  let deltaBase: number | undefined
  let authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  let scope: CrlScope = wholeScope
  let unprocessed: string | undefined
  const seen = new Set<string>()
  do {
    const start = list.position
    const { id, isCritical, value } = readExtension(list, seen)
    if (id === '2.5.29.20') {
      // RFC 5280 §5.2.3: present, and not critical.
      if (isCritical) throw new MalformedError('value-invalid', start, 'critical CRL number')
      number = readNumber(value)
    } else if (id === '2.5.29.27') deltaBase = readNumber(value)
    else if (id === '2.5.29.35')
      authorityKeyIdentifier = parseAuthorityKeyIdentifier(new DerReader(value))
    else if (id === '2.5.29.28') scope = readScope(value, issuer)
    else if (isCritical) unprocessed ??= id
  } while (!list.isAtEnd)
  if (number === undefined)
    throw new MalformedError('value-invalid', list.position, 'no CRL number')
  return { number, deltaBase, authorityKeyIdentifier, scope, unprocessed }
}

function readNumber(value: Uint8Array): number {
  const reader = new DerReader(value)
  const number = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
  reader.finish()
  return number
}

function readScope(value: Uint8Array, issuer: Name): CrlScope {
  const outer = new DerReader(value)
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const named = reader.enterOptional(contextConstructed(0))
  const name = named === undefined ? undefined : readDistributionPointName(named)
  const isUsersOnly = reader.readDefaultFalse(contextPrimitive(1))
  const isAuthoritiesOnly = reader.readDefaultFalse(contextPrimitive(2))
  const hasReasons = reader.peek() === contextPrimitive(3)
  const reasons = hasReasons ? reader.readNamedBits(contextPrimitive(3)) : undefined
  const isIndirect = reader.readDefaultFalse(contextPrimitive(4))
  const isAttributesOnly = reader.readDefaultFalse(contextPrimitive(5))
  reader.finish()
  // RFC 5280 §5.2.5: of the three at most one.
  if (Number(isUsersOnly) + Number(isAuthoritiesOnly) + Number(isAttributesOnly) > 1) {
    throw new MalformedError('value-invalid', 0)
  }
  return {
    partition: name === undefined ? undefined : fullNames(name, issuer),
    covers: isUsersOnly
      ? 'users'
      : isAuthoritiesOnly
        ? 'authorities'
        : isAttributesOnly
          ? 'attributes'
          : 'all',
    reasons,
    isIndirect,
    raw: value,
  }
}

/** The full names that a distribution point's name stands for; a relative one is added to that of the issuer. */
export function fullNames(
  point: Pick<DistributionPoint, 'fullName' | 'relativeName'>,
  issuer: Name,
): readonly GeneralName[] {
  if (point.fullName !== undefined) return point.fullName
  if (point.relativeName === undefined) return []
  const above = new DerReader(issuer.raw).readContent(tags.sequence)
  const raw = element(tags.sequence, above, element(tags.set, point.relativeName))
  return [{ kind: 'directory', name: new Name(raw) }]
}

const wholeScope: CrlScope = {
  partition: undefined,
  covers: 'all',
  reasons: undefined,
  isIndirect: false,
  raw: undefined,
}
