/** What a person showed a provider by the certificate with which they consented, as far as that consent goes (C4, C9). */
import type { ComparableAttributes } from '@sekisho/contract/japan'
import { parseCertificate, readFourAttributes } from '@sekisho/pki'
import type { PersonKeys } from '@sekisho/runtime/keys'
import type { Reader } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { openContainer } from '../evidence/container.ts'
import { isWithinLimit } from '../people/consent-limit.ts'
import { selvesOf } from '../people/link.ts'
import { claimsOf } from './claim.ts'
import { type AttributeScope, attributeScopes } from './statement.ts'

/**
 * The attributes of the newest identification of this person at this provider that the consent in force covers. Empty where there is
 * none, or where it can no longer be opened.
 */
export async function attributesShown(
  db: Reader<PlatformTables>,
  world: { readonly personKeys: PersonKeys },
  of: { readonly personId: string; readonly providerId: string; readonly at: number },
): Promise<ComparableAttributes> {
  const consent = await db
    .selectFrom('consent')
    .select(['id', 'scopes'])
    .where('person_id', '=', of.personId)
    .where('provider_id', '=', of.providerId)
    .where('state', '=', 'given')
    .where('until', '>', of.at)
    .executeTakeFirst()
  if (consent === undefined) return {}
  const scopes = consent.scopes.split(' ')
  const row = await db
    .selectFrom('container')
    .selectAll()
    .where('person_id', 'in', [...(await selvesOf(db, of.personId))])
    .where('provider_id', '=', of.providerId)
    .where('kind', '=', 'identify')
    .orderBy('judged_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return {}
  const key = await world.personKeys.find(db, row.person_id)
  const content = key.kind === 'present' ? openContainer(key.key, row) : undefined
  if (content === undefined || !('certificate' in content)) return {}
  const certificate = parseCertificate(new Uint8Array(Buffer.from(content.certificate, 'base64')))
  const attributes = readFourAttributes(certificate)
  if (attributes.kind !== 'passed') return {}
  const shown: AttributeScope[] = []
  for (const scope of attributeScopes)
    if (
      scopes.includes(scope) &&
      (await isWithinLimit(db, { consentId: consent.id, scope }, of.at))
    )
      shown.push(scope)
  return claimsOf(attributes.value, shown)
}
