/**
 * A provider's own ids of certificates: 128 random bits for each (provider, certificate), so that a provider recognises and checks a
 * certificate without ever holding it or its serial, and two providers cannot compare what they have.
 */
import { createHmac } from 'node:crypto'
import {
  type CertificateCheckAnswer,
  type CertificateCheckRequest,
  Refusal,
} from '@sekisho/contract'
import { certificateReference } from '@sekisho/contract/authority'
import { z } from 'zod'
import { entries } from '../entry.ts'
import type { Judged } from '../evidence/judge.ts'
import { charge, dayOf } from '../fees/meter.ts'
import { personOf } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

const aliasBits = 128

/** What is sealed under an id. */
const aliased = z.strictObject({
  reference: certificateReference,
  kind: z.enum(['signature', 'authentication']),
  notAfter: z.number(),
})

/** The provider's id of a certificate that passed; made at first need. */
export async function aliasOf(world: World, provider: Provider, judged: Judged): Promise<string> {
  const { reference, purpose: kind, notAfter, at } = judged
  const question = createHmac('sha256', world.questionKey)
    .update(`alias\n${provider.id}\n${reference.issuerKeyId}\n${reference.serial}`)
    .digest('hex')
  const find = () =>
    world.store.read(db =>
      db
        .selectFrom('certificate_alias')
        .select('id')
        .where('question', '=', question)
        .executeTakeFirst(),
    )
  const known = await find()
  if (known !== undefined) return known.id
  const text = JSON.stringify({ reference, kind, notAfter } satisfies z.input<typeof aliased>)
  const id = world.random.token(aliasBits)
  const sealed = await world.master.wrap(placeOf(id), new TextEncoder().encode(text))
  await world.store.transaction(tx =>
    tx
      .insertInto('certificate_alias')
      .values({ id, provider_id: provider.id, question, sealed, created_at: at })
      // Somebody else met it at the same time.
      .onConflict(conflict => conflict.column('question').doNothing())
      .execute(),
  )
  return (await find())?.id ?? id
}

/**
 * How a certificate stands now. Charged once a day. Refusals `certificate-id-unknown` for an id that this provider does not have,
 * `scope-exceeded` for a current-status check that is not granted, `revocation-stale`, `revocation-unavailable`.
 */
export async function checkCertificate(
  world: World,
  provider: Provider,
  { certificateId, purpose = 'transaction' }: CertificateCheckRequest,
): Promise<CertificateCheckAnswer> {
  if (purpose === 'current-status' && !provider.metadata.sekisho_current_status)
    throw new Refusal('scope-exceeded', { scope: 'sekisho_current_status' })
  const row = await world.store.read(db =>
    db
      .selectFrom('certificate_alias')
      .select('sealed')
      .where('id', '=', certificateId)
      .where('provider_id', '=', provider.id)
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('certificate-id-unknown')
  const opened = await world.master.unwrap(placeOf(certificateId), row.sealed)
  const { reference, kind, notAfter } = aliased.parse(JSON.parse(new TextDecoder().decode(opened)))
  const status = world.judge.statusOf({ ...reference, notAfter })
  const state = status === 'valid' ? 'valid' : 'not-valid'
  const at = world.clock.now()
  const method = 'crl'
  await world.store.transaction(async tx => {
    await charge(tx, {
      providerId: provider.id,
      transaction: `certificate ${certificateId} ${purpose} ${dayOf(at)}`,
      kind: kind === 'signature' ? 'signature-check' : 'authentication-check',
      method,
      currentStatusOf: purpose === 'current-status' ? certificateId : undefined,
      at,
    })
    await world.ledger.record(tx, entries['platform.certificate-checked'], {
      at,
      personId: await personOf(tx, reference),
      providerId: provider.id,
      values: { state, purpose, method },
    })
  })
  return { certificateId, state, checkedAt: new Date(at).toISOString() }
}

/** A sealed reference opens only under its own id. */
function placeOf(id: string): string {
  return `certificate_alias ${id}`
}
