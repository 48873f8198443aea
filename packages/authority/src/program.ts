/**
 * The authority as a program: registry, CAs, publication, answers, window. A stand-in for J-LIS and the municipalities that
 * verifiers reach only over its protocols. It uses TEST ONLY keys and refuses to be anything but a town's authority.
 */
import { type Certificate, jpkiTown } from '@sekisho/pki'
import { poolKey, poolSize } from '@sekisho/pki/issue'
import { type Clock, every, protocolNow } from '@sekisho/runtime/clock'
import { adminSocket, createServer } from '@sekisho/runtime/http'
import { createKey } from '@sekisho/runtime/keys'
import type { Log } from '@sekisho/runtime/log'
import { createNonceMemory, type MessageKey } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import { type Effects, type Engine, jsonb, type Store } from '@sekisho/runtime/store'
import { refusalPage } from '@sekisho/web'
import { addAnswerRoutes } from './answers/route.ts'
import type { Verifier } from './answers/verifier.ts'
import { createHierarchy, type GenerationPlan, type Hierarchy } from './ca/hierarchy.ts'
import { presentRules } from './ca/validity.ts'
import { authorityMigrations, type AuthorityTables } from './database.ts'
import { messages } from './message.ts'
import { generateResidents } from './registry/generate.ts'
import { livePersona, type Persona } from './registry/persona.ts'
import { dailyPublication, publishDue } from './revocation/publish.ts'
import { windowCommands } from './window/command.ts'
import { addWindowRoutes } from './window/screen.ts'
import { windowName } from './window/word.ts'
import type { CardKey, World } from './world.ts'

/** What an authority needs to run. */
export type AuthoritySettings = {
  readonly port: number
  readonly publicOrigin: string
  readonly adminPath: string
  readonly engine: Engine
  readonly cardsFolder: string
  readonly personas: readonly Persona[]
  /** Residents besides the personas, registered at the first start. */
  readonly residents: number
  readonly verifiers: readonly Verifier[]
  /** Key that signs answers to verifiers. */
  readonly answerKey: MessageKey
  readonly clock: Clock
  readonly random: Random
  /** Deterministic source for residents. */
  readonly seed: Random
  readonly log: Log
  readonly effects?: Effects | undefined
}

/** A running authority. */
export type Authority = {
  readonly url: string
  readonly anchors: readonly Certificate[]
  readonly store: Store<AuthorityTables>
  stop(): Promise<void>
}

/** CA certificates of the town: the same in every town, because keys and dates are. */
export function townAnchors(): readonly Certificate[] {
  return townHierarchy().anchors
}

/** Starts the authority. At the first start on a store residents are registered and personas live their lives. */
export async function startAuthority(settings: AuthoritySettings): Promise<Authority> {
  const store = await settings.engine.store<AuthorityTables>({
    schema: 'authority',
    migrations: authorityMigrations,
  })
  const world: World = {
    store,
    hierarchy: townHierarchy(),
    rules: presentRules,
    clock: settings.clock,
    random: settings.random,
    log: settings.log,
    cardsFolder: settings.cardsFolder,
    cardKey: freshCardKey,
  }
  await seedOnce(world, settings)
  await publishDue(world, dailyPublication)
  const server = await createServer({
    name: 'authority',
    log: settings.log,
    publicOrigin: settings.publicOrigin,
    renderRefusalPage: (refusal, lang) =>
      refusalPage(refusal, { lang, service: { name: windowName[lang], home: '/' } }),
    effects: settings.effects,
  })
  await addAnswerRoutes(server.app, {
    world,
    publicOrigin: settings.publicOrigin,
    verifiers: settings.verifiers,
    answerKey: settings.answerKey,
    nonces: createNonceMemory(protocolNow),
  })
  addWindowRoutes(server.app, world)
  // Nothing runs beside the server until it has its port.
  await server.listen(settings.port)
  const stopPublishing = every(
    publishMs,
    () => publish(world),
    fault => settings.log.write(messages['authority.background-fault'], { fault }),
  )
  const admin = await adminSocket(settings.adminPath, windowCommands(world), settings.log)
  return {
    url: settings.publicOrigin,
    anchors: world.hierarchy.anchors,
    store,
    stop: async () => {
      await server.stop()
      await admin.stop()
      await stopPublishing()
    },
  }
}

/** Real milliseconds between two looks at what is due for publication. */
const publishMs = 500

async function publish(world: World): Promise<void> {
  const lists = await publishDue(world, dailyPublication)
  if (lists > 0) world.log.write(messages['authority.lists-published'], { lists })
}

/** Two generations of each CA, beginning on the days on which the real ones did (jpki.md §2.1). */
function townHierarchy(): Hierarchy {
  const began = [Date.UTC(2019, 8, 14, 15), Date.UTC(2023, 6, 16, 15)]
  const plans = (['signature', 'authentication'] as const).flatMap((kind, ca) =>
    began.map((notBefore, generation): GenerationPlan => {
      const first = (ca * began.length + generation) * 2
      return {
        kind,
        generation: generation + 1,
        notBefore,
        ca: caKey(first),
        responder: caKey(first + 1),
      }
    }),
  )
  return createHierarchy(jpkiTown, plans)
}

/** Pool keys that the CAs and responders use; cards begin after them. */
const caKeys = 8

function caKey(index: number) {
  const key = poolKey(index)
  return { spki: key.spki, sign: key.sign, algorithm: 'rsa-sha256' as const }
}

/** A key made for one card. */
async function freshCardKey(): Promise<CardKey> {
  const made = await createKey('rsa-2048')
  return {
    pkcs8: new Uint8Array(made.privateKey.export({ type: 'pkcs8', format: 'der' })),
    spki: new Uint8Array(made.publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/** For the personas' first cards: distinct keys of the pool while it lasts, so that a town begins without making keys. */
function createPoolKeys(): World['cardKey'] {
  let next = caKeys
  return () => {
    if (next >= poolSize) return freshCardKey()
    const key = poolKey(next++)
    return Promise.resolve({ pkcs8: key.pkcs8, spki: key.spki })
  }
}

const insertRowsMax = 500

async function seedOnce(world: World, settings: AuthoritySettings): Promise<void> {
  const known = await world.store.read(db =>
    db.selectFrom('resident').select('id').limit(1).executeTakeFirst(),
  )
  if (known !== undefined) return
  const at = world.clock.now()
  const seeding = { ...world, cardKey: createPoolKeys() }
  for (const persona of settings.personas) await livePersona(seeding, persona)
  const year = new Date(at).getUTCFullYear()
  const rows = Array.from(generateResidents(settings.seed, settings.residents, year), made => ({
    id: world.random.uuidv7(at),
    municipality: made.municipality,
    attributes: jsonb<unknown>(made.attributes),
    status: 'resident' as const,
    is_ward: false,
    persona: null,
    recorded_at: at,
  }))
  for (let from = 0; from < rows.length; from += insertRowsMax)
    await world.store.transaction(tx =>
      tx
        .insertInto('resident')
        .values(rows.slice(from, from + insertRowsMax))
        .execute(),
    )
  world.log.write(messages['authority.town-seeded'], {
    residents: settings.residents,
    personas: settings.personas.length,
  })
}
