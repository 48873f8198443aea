/**
 * The one visit (A15, flows.md §2): the clerk goes through the identity-proofing check-list, the notification card is handed back, PINs
 * are set, and the card is handed over. What is missing keeps the card at the window and everything as it was.
 */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { handOutCard } from '../window/desk.ts'
import { findResident } from '../window/resident-file.ts'
import type { World } from '../world.ts'
import { applicationUnderWay, needsRepresentative } from './application.ts'

/** Documents by which people are proofed: one with a photo by an authority, or two others (data; *ours* in their choice). */
const photoDocuments = [
  'driving-licence',
  'passport',
  'residence-card',
  'disability-certificate',
] as const
const plainDocuments = [
  'health-insurance',
  'pension-book',
  'school-identity',
  'birth-certificate',
] as const
export const proofDocuments = [...photoDocuments, ...plainDocuments] as const

const documents = z.array(z.enum(proofDocuments)).max(8)

/** What the clerk ticks, and the secrets that the holder sets. */
export const visit = z.strictObject({
  hasNotice: z.boolean(),
  documents,
  /** The face was compared with the photo. */
  faceMatches: z.boolean(),
  notificationCard: z.enum(['returned', 'lost']),
  /** Of who represents the holder: their own documents, and the proof that they do. */
  representative: z.strictObject({ documents, provesRepresentation: z.boolean() }).optional(),
  pin: z.string().max(4).optional(),
  password: z.string().max(16).optional(),
  demandsPinAlways: z.boolean().default(false),
})
export type Visit = z.output<typeof visit>

/**
 * Delivers the card of a resident's application and returns its name in the tray. Refusals `card-not-ready`; `identity-not-proofed`, with
 * what is missing; as in `handOutCard`.
 */
export async function deliverCard(world: World, residentId: string, given: Visit): Promise<string> {
  const resident = await findResident(world, residentId)
  const application = await world.store.read(db => applicationUnderWay(db, residentId))
  if (application?.state !== 'ready') throw new Refusal('card-not-ready')
  const missing = missingOf(given, needsRepresentative(resident, world.clock.now()))
  if (missing !== undefined) throw new Refusal('identity-not-proofed', { missing })
  const card = await handOutCard(world, residentId, {
    withAuthentication: !application.declines_authentication,
    withSignature: !application.declines_signature,
    demandsPinAlways: given.demandsPinAlways,
    pin: given.pin,
    password: given.password,
  })
  const { hasNotice, documents: shown, faceMatches, notificationCard, representative } = given
  // The secrets are not kept.
  const checks = { hasNotice, documents: shown, faceMatches, notificationCard, representative }
  await world.store.transaction(tx =>
    tx
      .updateTable('card_application')
      .set({
        state: 'delivered',
        delivered_at: world.clock.now(),
        checks: JSON.stringify(checks),
        // The picture has done its service.
        photo: null,
      })
      .where('id', '=', application.id)
      .where('state', '=', 'ready')
      .execute(),
  )
  return card
}

/** The first line of the check-list that does not hold. */
function missingOf(given: Visit, isRepresented: boolean): string | undefined {
  if (!given.hasNotice) return 'notice'
  if (!isProof(given.documents)) return 'documents'
  if (!given.faceMatches) return 'face'
  if (!isRepresented) return undefined
  if (given.representative === undefined) return 'representative'
  if (!isProof(given.representative.documents)) return 'representative-documents'
  return given.representative.provesRepresentation ? undefined : 'representation'
}

function isProof(all: Visit['documents']): boolean {
  const distinct = new Set<string>(all)
  return photoDocuments.some(each => distinct.has(each)) || distinct.size >= 2
}
