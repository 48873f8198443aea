/** The companies' registry and the other CAs of a town over an engine, for tests. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Certificate,
  type CertificateDemands,
  importPrivateKey,
  KeyCache,
  ocspLimits,
  parseCertificate,
  pathBudget,
  type PrivateKey,
  validateCertificate,
} from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import { fixedClock, type FixedClock } from '@sekisho/runtime/clock'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { systemRandom } from '@sekisho/runtime/random'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
} from '@sekisho/runtime/store'
import { type LeafKind, type OtherCaId, otherCaIds, policyOf } from '../other-ca/kind.ts'
import { publishOthers, readCross, readOtherList } from '../other-ca/publication.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import { noon } from '../world-for-tests.ts'
import { certifyRepresentative } from './certificate.ts'
import { corporationOf, representativeOf } from './corporation.ts'
import { enter, register } from './event.ts'
import { certifyDelegate } from './mandate.ts'
import { openOtherWorld } from './program.ts'
import { seedCorporations } from './town.ts'

/** The day on which tests begin. */
export const today: number = noon(2026, 11, 20)

/** Where the CAs publish. */
export const origin = 'http://authority.localhost:8080'

/** Corporate numbers of the town's companies. */
export const numbers = {
  bank: '7999901000001',
  hospital: '2999905000002',
  construction: '5999901000003',
} as const

/** A holder with key and certificate. */
export type Holder = {
  readonly certificate: Certificate
  readonly key: PrivateKey
  readonly pkcs8: Uint8Array
}

/** A seeded world and what tests do in it. */
export type TestOthers = AsyncDisposable & {
  readonly world: OtherWorld
  readonly clock: FixedClock
  readonly engine: Engine
  readonly folder: TemporaryFolder
  holder(name: string): Promise<Holder>
  /** The newest list of each CA. */
  lists(): Promise<readonly Uint8Array[]>
  /** All cross-certificates that are published. */
  cross(): Promise<readonly Certificate[]>
  /** Code of the reason by which somebody who trusts one CA, and recognises one kind of holder, refuses a certificate; or `passed`. */
  outcome(certificate: Certificate, kind: LeafKind, vary?: Vary): Promise<string>
}

/** What may differ from a government office that looks at everything. */
export type Vary = Partial<CertificateDemands> & { readonly trusts?: OtherCaId }

/** Opens and seeds one. */
export async function openTestOthers(
  database: 'embedded' | 'postgres' = 'embedded',
): Promise<TestOthers> {
  const server = database === 'postgres' ? await startTemporaryPostgres() : undefined
  const engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
  const folder = await temporaryFolder('others')
  const clock = fixedClock(today)
  const world = await openOtherWorld({
    engine,
    publicOrigin: origin,
    holdersFolder: join(folder.path, 'holders'),
    clock,
    random: systemRandom(),
  })
  await seedCorporations(world)
  await publishOthers(world)
  const keys = new KeyCache(64)
  const lists = async (): Promise<readonly Uint8Array[]> => {
    const found = await Promise.all(otherCaIds.map(id => readOtherList(world, id)))
    return found.flatMap(each => each ?? [])
  }
  const cross = async (): Promise<readonly Certificate[]> =>
    (await readCross(world)).map(({ der }) => parseCertificate(der))
  return {
    world,
    clock,
    engine,
    folder,
    holder: name => readHolder(folder, name),
    lists,
    cross,
    outcome: async (certificate, kind, { trusts = 'government', ...vary } = {}) => {
      const verdict = validateCertificate(certificate, {
        at: clock.now(),
        anchors: [world.cas[trusts].certificate],
        intermediates: await cross(),
        policies: {
          acceptable: [policyOf(trusts, kind)],
          isExplicitRequired: true,
          isMappingInhibited: false,
          isAnyInhibited: true,
        },
        purpose: undefined,
        keyUsage: 0,
        keys,
        budget: pathBudget,
        lists: await lists(),
        responses: [],
        ocspLimits,
        revocation: 'required',
        ...vary,
      })
      return verdict.kind === 'passed' ? 'passed' : verdict.reasons[0].code
    },
    [Symbol.asyncDispose]: async () => {
      await engine.close()
      await server?.[Symbol.asyncDispose]()
      await folder.remove()
    },
  }
}

async function readHolder(folder: TemporaryFolder, name: string): Promise<Holder> {
  const path = join(folder.path, 'holders', `${name}.holder.json`)
  const { privateKey, certificate } = JSON.parse(await readFile(path, 'utf8'))
  const pkcs8 = new Uint8Array(Buffer.from(privateKey, 'base64'))
  const key = importPrivateKey(pkcs8)
  return { pkcs8, key, certificate: parseCertificate(Buffer.from(certificate, 'base64')) }
}

/** A firm of a test's own. */
export type Firm = {
  readonly corporation: string
  readonly representative: string
  /** Certificate of the representative, and of a clerk with a mandate. */
  readonly own: Certificate
  readonly clerk: Certificate
  readonly keys: { readonly own: PrivateKey; readonly clerk: PrivateKey }
}

/** Registers a firm, appoints a representative and certifies both him and a clerk. */
export async function found(town: TestOthers, registeredNumber: string): Promise<Firm> {
  const { world, clock } = town
  const at = clock.now()
  const [first, second] = [poolKey(20), poolKey(21)]
  return world.store.transaction(async tx => {
    const founding = { name: '見本商会', nameRomaji: 'Mihon Trading', headOffice: '見本町一番地' }
    const corporation = await register(tx, world, { ...founding, registeredNumber }, at)
    const office = { name: '見本花子', nameRomaji: 'Mihon Hanako', title: '代表取締役' }
    const { representative = '' } = await enter(
      tx,
      world,
      corporation,
      { what: 'appoint', ...office },
      at,
    )
    const request = { corporation, representative, spki: first.spki, months: 12 }
    const own = await certifyRepresentative(tx, world, request, at)
    const clerk = await certifyDelegate(
      tx,
      world,
      {
        delegate: { name: '見本葉子', address: '見本町二番地', unit: '総務部', title: '係長' },
        scope: [{ code: 'contract.sign', text: '契約の締結' }],
        isSubdelegable: false,
        months: 12,
        corporation: await corporationOf(tx, corporation),
        mandator: await representativeOf(tx, corporation, representative),
        spki: second.spki,
        digest: undefined,
      },
      at,
    )
    const keys = { own: first.privateKey, clerk: second.privateKey }
    return { corporation, representative, own, clerk, keys }
  })
}
