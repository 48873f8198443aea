/**
 * What people state about acting for each other: a helper whom somebody names, a power that a delegate hands on, and standing that the law gives
 * and an office certifies. People sign these with the card's signature key; a sentence in the statement says what it means.
 */
import { mandateDelegate, mandateTerms, Refusal, standingDocument } from '@sekisho/contract'
import { claimsOf, type SignedHere } from '@sekisho/platform/room'
import type { Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import { assertTerms, type GrantWorld } from './grant.ts'
import { widerThan } from './judgement.ts'
import { findMandate, offerMandate, type Tables } from './mandate.ts'
import { readStatement, sha256Of } from './statement.ts'
import type { Mandate } from './table.ts'

/** What a person signs to have a helper, or to hand a mandate on (`mandate` says which). */
const delegation = z.strictObject({
  kind: z.enum(['helper', 'sub-delegation']),
  /** For who reads and signs it. */
  sentence: z.string().min(1).max(2000),
  mandate: z.string().max(64).nullable(),
  delegate: mandateDelegate,
  terms: mandateTerms,
})
export type Delegation = z.infer<typeof delegation>

/** The bytes of the statement that a person signs. */
export function delegationDocument(given: Delegation): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(given, null, 2)}\n`)
}

/** Refusals `request-malformed` for impossible terms, `mandate-too-wide`, `mandate-unknown` unless it is this person's and in force. */
export async function assertDelegable(
  world: GrantWorld,
  personId: string,
  given: Delegation,
): Promise<void> {
  const at = world.clock.now()
  assertTerms(given.terms, at)
  if (given.kind === 'helper') {
    if (given.mandate !== null || given.terms.subdelegations > 0)
      throw new Refusal('mandate-too-wide', { item: 'subdelegations' })
    return
  }
  const parent = await world.store.read(db => findMandate(db, world, given.mandate ?? ''))
  assertHandedOn(parent, personId, given)
}

function assertHandedOn({ row }: Mandate, personId: string, given: Delegation): void {
  if (row.state !== 'active' || row.delegate_id !== personId) throw new Refusal('mandate-unknown')
  const item = widerThan(row.terms, given.terms)
  if (item !== undefined) throw new Refusal('mandate-too-wide', { item })
}

/** Offers what a person has signed, in the transaction that keeps the signature; the code for the delegate. */
export async function offerSigned(
  tx: Transaction<Tables>,
  world: GrantWorld,
  signed: SignedHere,
): Promise<{ readonly id: string; readonly code: string | undefined }> {
  const given = delegation.parse(JSON.parse(new TextDecoder().decode(signed.document)))
  const { name } = signed.attributes
  const parent = given.mandate === null ? undefined : await findMandate(tx, world, given.mandate)
  if (parent !== undefined) assertHandedOn(parent, signed.personId, given)
  const { row, code } = await offerMandate(tx, world, {
    parentId: parent?.row.id ?? null,
    kind: parent?.row.kind ?? 'helper',
    mandator: parent?.row.mandator ?? `person ${signed.personId}`,
    terms: given.terms,
    parties: {
      mandator:
        parent === undefined
          ? { name, birthdate: claimsOf(signed.attributes, ['birthdate']).birthdate }
          : { name: parent.parties.delegate.name, title: parent.parties.delegate.title },
      delegate: given.delegate,
    },
    // Of this signature: who wants the same again signs again.
    grantSha256: sha256Of(
      new TextEncoder().encode(`${signed.transactionId}\n${signed.documentSha256}`),
    ),
    givenBy: signed.personId,
  })
  return { id: row.id, code }
}

/** Acts of who stands for another by law: all that the other could do alone before the platform. */
const wholeActs = [{ code: '*', text: '本人に代わってするすべての手続' }]

/** Longest standing without an end of its own: it is proven anew. */
const standingMs = 365 * 24 * 3600 * 1000

/**
 * Offers what an office has signed about standing; the mandate's id. It counts once the card of who is named there has accepted it. The same
 * document again is the same mandate. Refusals `request-malformed`, `standing-unproven`, also for one that has run out.
 */
export async function offerStanding(
  world: GrantWorld,
  personId: string,
  cms: Uint8Array,
): Promise<string> {
  const { content, sha256 } = await readStatement(world, cms, {
    schema: standingDocument,
    signers: 'official',
    unproven: 'standing-unproven',
  })
  const at = world.clock.now()
  const isOver = content.until !== null && Date.parse(content.until) <= at
  if (isOver || Date.parse(content.issuedAt) > at) throw new Refusal('standing-unproven')
  const { row } = await world.store.transaction(tx =>
    offerMandate(tx, world, {
      parentId: null,
      kind: content.relation,
      mandator: `standing ${sha256}`,
      terms: {
        acts: wholeActs,
        from: content.issuedAt,
        until: content.until ?? new Date(at + standingMs).toISOString(),
        subdelegations: 0,
      },
      parties: {
        mandator: { name: content.of.name, birthdate: content.of.birthdate },
        delegate: content.by,
      },
      grantSha256: sha256,
      givenBy: personId,
    }),
  )
  return row.id
}
