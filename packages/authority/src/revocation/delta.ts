/** What a delta list says (RFC 5280 §5.2.4): what changed since an earlier list of the partition. */
import type { Instant, RevocationList } from '@sekisho/pki'
import type { RevokedEntry } from '@sekisho/pki/issue'
import { serialHex } from '../ca/serial.ts'

/**
 * The entries of a delta from `base` to the list of `entries`, in the order of serials: those that are new or say something else, and
 * removals of those that are valid again. `isValid` tells the latter from certificates that left because they ended, which a
 * delta need not mention.
 */
export function entriesSince(
  base: RevocationList,
  entries: readonly RevokedEntry[],
  { at, isValid }: { readonly at: Instant; readonly isValid: (serial: string) => boolean },
): readonly RevokedEntry[] {
  const before = new Map<string, string>()
  for (let index = 0; index < base.count; index++) {
    before.set(serialHex(base.serialAt(index)), statement(base.entryAt(index)))
  }
  const changed: RevokedEntry[] = []
  for (const entry of entries) {
    const serial = serialHex(entry.serial)
    if (before.get(serial) !== statement(entry)) changed.push(entry)
    before.delete(serial)
  }
  for (const serial of before.keys()) {
    if (!isValid(serial)) continue
    changed.push({ serial: Buffer.from(serial, 'hex'), revokedAt: at, reason: 'removeFromCRL' })
  }
  return changed.toSorted((a, b) => compareSerials(a.serial, b.serial))
}

/** Serials of a list that another list's entries do not have, in lower-case hexadecimal without a sign octet. */
export function serialsGone(
  base: RevocationList,
  entries: readonly RevokedEntry[],
): readonly string[] {
  const present = new Set(entries.map(({ serial }) => serialHex(serial)))
  const serials = Array.from({ length: base.count }, (_, index) => serialHex(base.serialAt(index)))
  return serials.filter(serial => !present.has(serial))
}

function statement({ revokedAt, reason }: Pick<RevokedEntry, 'revokedAt' | 'reason'>): string {
  return `${revokedAt} ${reason}`
}

function compareSerials(a: Uint8Array, b: Uint8Array): number {
  return a.length - b.length || Buffer.compare(a, b)
}
