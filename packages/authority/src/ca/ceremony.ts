/**
 * Key ceremonies (A2): a new generation of a CA, its key made in the token (or in a file), its certificate signed by itself, the
 * record of who was there. The generation issues from its first day on; the older ones go on publishing lists and answers for
 * what they have issued.
 */
import { Refusal } from '@sekisho/contract'
import type { CaKind } from '@sekisho/contract/authority'
import { parseCertificate, toHex } from '@sekisho/pki'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import { jsonb, type Store } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { messages } from '../message.ts'
import { type GenerationKindName, generationKinds } from './generation-kind.ts'
import { certifyGeneration, type GenerationPlan, type Hierarchy } from './hierarchy.ts'
import type { CaKeyStore } from './key-store.ts'

/** What a ceremony is to make. */
export type CeremonyRequest = {
  readonly ca: CaKind
  readonly kind: GenerationKindName
  /** First instant of the generation; not before now. */
  readonly notBefore: Instant
  /** The two or more who are there. */
  readonly operators: readonly string[]
}

/** What a ceremony has made: public, for its record and for those who will trust it. */
export type CeremonyRecord = {
  readonly ca: CaKind
  readonly generation: number
  readonly kind: GenerationKindName
  readonly operators: readonly string[]
  readonly heldAt: string
  readonly keysIn: 'token' | 'file'
  /** DER in base64. */
  readonly certificate: string
  readonly keyId: string
}

type CeremonyWorld = {
  readonly store: Store<AuthorityTables>
  readonly hierarchy: Hierarchy
  readonly caKeys: CaKeyStore
  readonly clock: Clock
  readonly log: Log
}

/**
 * Holds a ceremony. Refusals: `operators-same` for fewer than two people, `request-malformed` for a beginning in the past,
 * `token-locked`. A ceremony that breaks off leaves at most a key that nothing names.
 */
export async function holdCeremony(
  world: CeremonyWorld,
  request: CeremonyRequest,
): Promise<CeremonyRecord> {
  const { ca, kind, operators } = request
  if (new Set(operators).size < 2) throw new Refusal('operators-same')
  const at = world.clock.now()
  if (request.notBefore < at) throw new Refusal('request-malformed', { fields: 'notBefore' })
  const generation = world.hierarchy.newest(ca) + 1
  const rules = generationKinds[kind]
  const name = `ca-${ca}-${generation}-${at}`
  const own = await world.caKeys.make(name, rules.caKey)
  const responder = await world.caKeys.make(`${name}-ocsp`, rules.caKey)
  const begun = { kind: ca, generation, rules, notBefore: request.notBefore, ca: own.key }
  const certificate = certifyGeneration(world.hierarchy.profile, begun)
  await world.store.transaction(async tx => {
    await tx
      .insertInto('generation')
      .values({
        ca,
        generation,
        kind,
        not_before: request.notBefore,
        certificate,
        ca_key: jsonb(own.place),
        responder_key: jsonb(responder.place),
        responder_spki: responder.key.spki,
        operators: jsonb(operators),
        held_at: at,
      })
      .execute()
  })
  world.hierarchy.add({ ...begun, responder: responder.key, certificate })
  world.log.write(messages['authority.ceremony-held'], {
    ca,
    generation,
    operators: operators.join('+'),
  })
  return {
    ca,
    generation,
    kind,
    operators,
    heldAt: new Date(at).toISOString(),
    keysIn: own.place.at,
    certificate: Buffer.from(certificate).toString('base64'),
    keyId: toHex(parseCertificate(certificate).subjectKeyIdentifier ?? new Uint8Array()),
  }
}

/** Takes in the generations of earlier ceremonies. Their keys need not be reachable yet. */
export async function addHeldGenerations(
  world: Pick<CeremonyWorld, 'store' | 'hierarchy' | 'caKeys'>,
): Promise<void> {
  const rows = await world.store.read(db =>
    db.selectFrom('generation').selectAll().orderBy('generation').execute(),
  )
  for (const row of rows) {
    const rules = generationKinds[row.kind]
    const { spki } = parseCertificate(row.certificate)
    const plan: GenerationPlan = {
      kind: row.ca,
      generation: row.generation,
      rules,
      notBefore: row.not_before,
      ca: await world.caKeys.find(row.ca_key, { kind: rules.caKey, spki }),
      responder: await world.caKeys.find(row.responder_key, {
        kind: rules.caKey,
        spki: row.responder_spki,
      }),
      certificate: row.certificate,
    }
    world.hierarchy.add(plan)
  }
}
