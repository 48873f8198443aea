/** What the operator does about registrations (C4), as commands of the admin socket (`sekisho people`) and as acts of two people. */
import { createPrivateKey } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import { type Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import { endAllReleases } from '../confirm/release.ts'
import { exportPeople, importPeople } from '../confirm/transfer.ts'
import type { PlatformTables } from '../database.ts'
import { endOwnSessions } from '../own-page/own-session.ts'
import { dismissCase, openIdentityCases } from '../people/conflict.ts'
import {
  type DecisionWorld,
  decisionsOf,
  mergePeople,
  splitPerson,
  undoDecision,
} from '../people/decision.ts'
import { certificatesOf, selvesOf } from '../people/link.ts'
import { endSessions } from '../session/provider-session.ts'
import { addSubjectNews } from '../watch/event.ts'
import { moveTold } from '../watch/sweep.ts'
import type { World } from '../world.ts'

const id = z.string().min(1).max(64)
/** Read by the person too: no names of others. */
const deciding = { by: z.string().min(1).max(64), reason: z.string().min(1).max(200) }

/** What decisions of this platform are made with. */
export function decisionWorld(world: World): DecisionWorld {
  return {
    store: world.store,
    clock: world.clock,
    random: world.random,
    ledger: world.ledger,
    tell: (tx, news) => addSubjectNews(tx, world, news),
    followers: {
      end: async (tx, personId) => {
        await endAllReleases(tx, personId)
        await endOwnSessions(tx, personId)
        await endSessions(tx, { personId })
      },
      moved: moveTold,
    },
  }
}

/** The bodies of decisions. */
export const peopleBodies = {
  merge: z.strictObject({ personId: id, otherId: id, ...deciding }),
  split: z.strictObject({
    personId: id,
    certificates: z.array(id).min(1).max(100),
    providers: z.array(z.string().max(63)).max(1000),
    ...deciding,
  }),
  undo: z.strictObject({ decision: id, ...deciding }),
} as const

/** The commands. Each takes a JSON body; `request-malformed` for another. */
export function peopleCommands(world: World) {
  const deciders = decisionWorld(world)
  return {
    'people-cases': () => openIdentityCases(world.store),
    'people-dismiss': async (body: unknown) => ({
      dismissed: await dismissCase(world.store, read(z.strictObject({ id }), body).id),
    }),
    'people-show': (body: unknown) =>
      showPerson(world.store, read(z.strictObject({ personId: id }), body).personId),
    'people-merge': (body: unknown) => mergePeople(deciders, read(peopleBodies.merge, body)),
    'people-split': (body: unknown) => splitPerson(deciders, read(peopleBodies.split, body)),
    'people-undo': async (body: unknown) => {
      await undoDecision(deciders, read(peopleBodies.undo, body))
      return {}
    },
    'people-sender-key': () =>
      Promise.resolve({
        ...world.receiptKey.publicKey.export({ format: 'jwk' }),
        kid: world.receiptKey.keyId,
      }),
    'people-export': (body: unknown) =>
      exportPeople(
        world,
        read(
          z.strictObject({
            provider: z.string().max(63),
            to: z.url().max(200),
            recipient: z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256') }),
          }),
          body,
        ),
      ),
    'people-import': (body: unknown) => {
      const given = read(
        z.strictObject({
          file: z.string().max(64 * 1024 * 1024),
          from: z.url().max(200),
          sender: z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519') }),
          /** Private key (PKCS #8, PEM) of this operator for which the file was made. */
          key: z.string().max(4096),
        }),
        body,
      )
      return importPeople(world, { ...given, privateKey: privateKeyOf(given.key) })
    },
  }
}

/** A registration for a clerk: no serial, no attribute. */
async function showPerson(store: Store<PlatformTables>, personId: string) {
  const shown = await store.read(async db => {
    const person = await db
      .selectFrom('person')
      .select(['created_at', 'merged_into'])
      .where('id', '=', personId)
      .executeTakeFirst()
    if (person === undefined) throw new Refusal('person-unknown')
    const certificates = await certificatesOf(db, personId)
    const known = await db
      .selectFrom('pairwise')
      .select('provider_id')
      .where('person_id', '=', personId)
      .orderBy('provider_id')
      .execute()
    return {
      createdAt: new Date(person.created_at).toISOString(),
      mergedInto: person.merged_into,
      selves: await selvesOf(db, personId),
      certificates: certificates.map(one => ({ id: one.id, kind: one.kind })),
      providers: known.map(row => row.provider_id),
    }
  })
  return { ...shown, decisions: await decisionsOf(store, personId) }
}

function privateKeyOf(pem: string) {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new Refusal('transfer-malformed')
  }
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw new Refusal('request-malformed')
  return parsed.data
}
