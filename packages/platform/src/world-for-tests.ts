/** The platform's parts over a real engine and an authority in memory, for tests beside the files. No server, no browser. */
import type { ProviderMetadata } from '@sekisho/contract'
import {
  authenticationMessage,
  composeStatement as composeReaderStatement,
} from '@sekisho/contract/reader'
import { createLedger } from '@sekisho/ledger'
import { jpkiTown } from '@sekisho/pki'
import { type FixedClock, fixedClock } from '@sekisho/runtime/clock'
import { signingKeyOf } from '@sekisho/runtime/keyring'
import { createKey, createPersonKeys, masterKeyOf } from '@sekisho/runtime/keys'
import { temporaryFolder } from '@sekisho/runtime/files'
import { silentLog } from '@sekisho/runtime/log'
import { systemRandom } from '@sekisho/runtime/random'
import { connectPostgres, type Engine, openEmbedded } from '@sekisho/runtime/store'
import { startTemporaryPostgres } from '@sekisho/runtime/store'
import {
  type CardCertificate,
  createTestAuthority,
  type TestAuthority,
} from './authority-for-tests.ts'
import type { Step } from './confirm/step.ts'
import { createVerificationKeeper } from './confirm/verification-keeper.ts'
import { platformMigrations, type PlatformTables } from './database.ts'
import { entries } from './entry.ts'
import { openRevocationKeeper, type RevocationKeeper } from './evidence/revocation.ts'
import { createFileJudge } from './evidence/file-verification.ts'
import { createPinlessTerminals } from './evidence/pinless.ts'
import { createRecognised } from './evidence/recognised.ts'
import { createStampTrust } from './evidence/time-stamp.ts'
import { createTrust } from './evidence/trust.ts'
import { createUploads } from './evidence/upload.ts'
import { createJudge } from './evidence/verification.ts'
import { createReplayTickets } from './onboarding/replay.ts'
import { createTracer } from './onboarding/trace.ts'
import { addProvider, type Provider } from './providers/registry.ts'
import type { Room } from './rooms/room.ts'
import type { World } from './world.ts'

/** A world with its authority. */
export type TestWorld = World & {
  readonly clock: FixedClock
  readonly authority: TestAuthority
  readonly keeper: RevocationKeeper
  readonly engine: Engine
  /** Registers a provider. */
  provider(id: string, given?: Partial<ProviderMetadata>): Promise<Provider>
  close(): Promise<void>
}

/** Both engines, for tests that must hold on both. */
export const engineKinds = ['embedded', 'postgres'] as const

const origin = 'https://platform.example'

/** Starts a world, on a server of its own unless told otherwise (which starts faster than the embedded engine). Close it. */
export async function startTestWorld(
  kind: (typeof engineKinds)[number] = 'postgres',
  rooms: readonly Pick<Room, 'migrations'>[] = [],
): Promise<TestWorld> {
  const server = kind === 'postgres' ? await startTemporaryPostgres({ durable: false }) : undefined
  const engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
  const store = await engine.store<PlatformTables>({
    schema: 'platform',
    migrations: Object.assign({}, platformMigrations, ...rooms.map(room => room.migrations)),
  })
  // In 2030, as whole seconds, so that nothing rests on the day of the run.
  const clock = fixedClock(Date.UTC(2030, 3, 1, 3, 0, 0))
  const random = systemRandom()
  const log = silentLog()
  const authority = createTestAuthority(clock)
  const { anchors, connector } = authority
  const trust = createTrust({ mode: 'town', profile: jpkiTown, anchors })
  const keeper = await openRevocationKeeper({
    store,
    connector,
    trust,
    clock,
    log,
    revocationFolder: undefined,
    revocationBytesHere: 2 ** 20,
  })
  await keeper.refresh()
  const master = masterKeyOf(random.bytes(32), random)
  const personKeys = createPersonKeys({ master, random })
  const stamps = createStampTrust(undefined, {
    clock,
    fetch: unreachable,
    random,
    keys: trust.keys,
  })
  const fileJudge = createFileJudge({
    trust,
    keeper,
    connector,
    clock,
    random,
    stamps,
    recognised: createRecognised(undefined, {
      mode: 'town',
      fetch: unreachable,
      revocationRefreshMs: 1000,
    }),
  })
  const uploadsFolder = await temporaryFolder('uploads')
  const receiptKey = signingKeyOf(await createKey('ed25519'))
  const ledger = createLedger({
    store,
    personKeys,
    key: signingKeyOf(await createKey('ed25519')),
    origin: 'platform.example/ledger',
    random,
    log,
  })
  return {
    issuer: origin,
    store,
    clock,
    random,
    log,
    connector,
    authority,
    keeper,
    engine,
    pinlessTerminals: createPinlessTerminals({ connector, clock }),
    changeListeners: [],
    judge: createJudge({ trust, keeper, connector, clock, random }),
    fileJudge,
    uploads: createUploads({ folder: uploadsFolder.path, random }),
    stamps,
    keeping: { trust, stamps, clock },
    verifier: () => Promise.resolve([]),
    personKeys,
    master,
    questionKey: random.bytes(32),
    ledger,
    sayings: entries,
    keepVerification: createVerificationKeeper({ store, ledger, personKeys, random }),
    tracer: createTracer(store, log),
    tickets: createReplayTickets(random),
    receiptKey,
    provider: (id, given = {}) =>
      addProvider(store, { ...metadataOf(id), ...given }, { at: clock.now(), mode: 'town' }),
    close: async () => {
      await fileJudge.stop()
      await uploadsFolder.remove()
      await engine.close()
      await server?.stop()
    },
  }
}

function unreachable(): Promise<never> {
  return Promise.reject(new TypeError('nothing is fetched'))
}

/** Registration of a provider that may do everything. */
export function metadataOf(id: string): ProviderMetadata {
  return {
    client_id: id,
    client_name: `試験 ${id}`,
    redirect_uris: [`https://${id}.example/callback`],
    jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] },
    scope: 'openid name address birthdate gender sign verify change link statement',
    sekisho_purpose: '試験のため',
    sekisho_revocation: 'crl',
    sekisho_stage: 'production',
    sekisho_agents: [],
    sekisho_rate_per_second: 100_000,
    sekisho_signature_verifier: false,
    sekisho_public_interest: false,
    sekisho_current_status: false,
    sekisho_revocation_required: true,
  }
}

/** A step of a browser of its own at a provider. */
export function stepOf(
  world: World,
  provider: Provider,
): Step & { readonly browser: { secret: string } } {
  return {
    uid: world.random.token(128),
    provider,
    browser: { secret: world.random.token(256) },
    origin: world.issuer,
  }
}

/** What a reader answers to a challenge. */
export function answerLogin(card: CardCertificate, challenge: string, at: string = origin) {
  const signed = composeReaderStatement({ purpose: 'login', origin: at, challenge })
  return {
    v: 1,
    type: 'authenticated',
    id: 'a',
    signed: base64Url(signed),
    signature: base64Url(card.key.sign('rsa-sha256', authenticationMessage(signed))),
    certificate: base64Url(card.certificate.raw),
  } as const
}

/** A login of which nothing follows: the person. */
export function loginAlone(_tx: unknown, { personId }: { readonly personId: string }) {
  return Promise.resolve({ result: personId, writes: [] })
}

/** What a reader answers to a document. `id` is the request's. */
export function answerSign(card: CardCertificate, document: Uint8Array, id: string) {
  return {
    v: 1,
    type: 'signed',
    id,
    signature: base64Url(card.key.sign('rsa-sha256', document)),
    certificate: base64Url(card.certificate.raw),
  } as const
}

/** Rows of a table, counted. */
export async function countRows(
  world: Pick<World, 'store'>,
  table: keyof PlatformTables,
): Promise<number> {
  const { count } = await world.store.read(db =>
    db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  )
  return count
}

/** The refusal's code of a rejected promise; `passed` when it was not rejected. Other errors pass through. */
export async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
    return 'passed'
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      return error.code
    throw error
  }
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
