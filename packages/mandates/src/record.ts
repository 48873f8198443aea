/**
 * The operator's record of a mandate 取扱事業者記録ファイル: a JWS of the platform's receipt key over who gave whom which power, made when the delegate accepts.
 * Whoever has the platform's public keys can read and verify it; whether it is still in force, only the checker tells.
 */
import type { World } from '@sekisho/platform/room'
import { signJws } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { Mandate } from './table.ts'

/** `typ` of a record, so that no other token of the platform can pass for one. */
const recordType = 'sekisho-mandate+jwt'

/** Signs the record. */
export function signRecord(
  world: Pick<World, 'receiptKey' | 'issuer'>,
  { row, parties }: Mandate,
  at: Instant,
): Promise<string> {
  return signJws(world.receiptKey, recordType, {
    iss: world.issuer,
    jti: row.id,
    iat: Math.floor(at / 1000),
    method: 'operator-file',
    kind: row.kind,
    mandator: { id: row.mandator.replace(/^person .*$/, 'person'), ...parties.mandator },
    delegate: parties.delegate,
    ...row.terms,
    parent: row.parent_id,
    grant_sha256: row.grant_sha256,
  })
}
