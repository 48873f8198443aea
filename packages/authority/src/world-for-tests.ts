/** A world of an authority with people in it, for the tests of this package; nothing outside tests imports it. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CardState, parseCardState } from '@sekisho/card/virtual'
import type { CaKind } from '@sekisho/contract/authority'
import { type Certificate, parseCertificate } from '@sekisho/pki'
import { poolKey, poolSize } from '@sekisho/pki/issue'
import { fixedClock, type FixedClock, type Instant } from '@sekisho/runtime/clock'
import { readJsonFile, type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { silentLog } from '@sekisho/runtime/log'
import type { Token } from '@sekisho/runtime/pkcs11'
import { systemRandom } from '@sekisho/runtime/random'
import { masterKeyOf } from '@sekisho/runtime/keys'
import type { Effects, Engine } from '@sekisho/runtime/store'
import { openWorld } from './program.ts'
import { substitutesOf } from './registry/character.ts'
import { enterResident } from './registry/enter.ts'
import type { ForeignStay } from './registry/foreign-stay.ts'
import type { ResidentAttributes } from './registry/resident.ts'
import { performEvent, type ResidentEvent, residentEvent } from './window/event.ts'
import type { AuthorityRules, World } from './world.ts'

/** Noon in Japan of a day. */
export function noon(year: number, month: number, day: number): Instant {
  return Date.UTC(year, month - 1, day, 3)
}

/** PIN and password of everybody in tests. */
const secrets = { pin: '2468', password: 'SEKISHO1' } as const

/** A resident as a test wants one. */
export type Wanted = {
  readonly birthDate?: ResidentAttributes['birthDate']
  readonly name?: string
  readonly address?: string
  readonly municipality?: string
  readonly isWard?: boolean
  readonly persona?: string
  readonly stay?: ForeignStay
}

/** A world and what tests do in it. */
export type TestWorld = {
  readonly world: World
  readonly clock: FixedClock
  readonly folder: TemporaryFolder
  /** Registers an adult, or whoever is wanted. Returns the id. */
  register(wanted?: Wanted): Promise<string>
  /** Performs an event; secrets are added where they are needed. Returns the name of a card handed out, the id of a child. */
  happen(id: string, event: ResidentEvent): Promise<string | undefined>
  /** Certificates of a resident, oldest first, parsed. */
  certificates(id: string): Promise<readonly Held[]>
  /** `signature:state/reason authentication:state/reason`: of each kind the one not revoked, else the last; `-` where there never was one. */
  states(id: string): Promise<string>
  /** The file of a card. */
  card(name: string): Promise<CardState>
}

/** A certificate as recorded. */
export type Held = {
  readonly ca: CaKind
  readonly state: string
  readonly reason: string | null
  readonly revokedAt: Instant | null
  readonly certificate: Certificate
  readonly reference: { readonly issuerKeyId: string; readonly serial: string }
}

/**
 * Opens a world whose clock stands still at an instant. Keys of cards come from the pool, again and again. `folder`: one that another
 * world made, to work on the same cards.
 */
export async function openTestWorld(
  engine: Engine,
  given: {
    readonly at: Instant
    readonly rules?: AuthorityRules
    readonly token?: Token
    readonly folder?: TemporaryFolder
    readonly effects?: Effects
  },
): Promise<TestWorld> {
  const folder = given.folder ?? (await temporaryFolder('authority'))
  const clock = fixedClock(given.at)
  const opened = await openWorld({
    engine,
    // The same for every world over one engine.
    numbersKey: masterKeyOf(new Uint8Array(32), systemRandom()),
    rules: given.rules,
    token: given.token,
    clock,
    random: systemRandom(),
    log: silentLog(),
    cardsFolder: join(folder.path, 'cards'),
    caKeysFolder: join(folder.path, 'ca'),
    effects: given.effects,
  })
  let next = 0
  const world: World = {
    ...opened,
    cardKey: () => {
      const { pkcs8, spki } = poolKey(8 + (next++ % (poolSize - 8)))
      return Promise.resolve({ pkcs8, spki })
    },
  }
  const certificates: TestWorld['certificates'] = async id => {
    const rows = await world.store.read(db =>
      db
        .selectFrom('certificate')
        .selectAll()
        .where('resident_id', '=', id)
        .orderBy('not_before')
        .execute(),
    )
    return rows.map(row => ({
      ca: row.ca,
      state: row.state,
      reason: row.reason,
      revokedAt: row.revoked_at,
      certificate: parseCertificate(row.der ?? new Uint8Array()),
      reference: { issuerKeyId: row.issuer_key_id, serial: row.serial },
    }))
  }
  return {
    world,
    clock,
    folder,
    certificates,
    register: wanted => register(world, wanted ?? {}),
    happen: async (id, event) => {
      const needs = ['card', 'reissue', 'renew', 'signature'].includes(event.what)
      const parsed = residentEvent.parse({ ...(needs ? secrets : {}), ...event })
      const { card, resident } = await performEvent(world, id, parsed)
      return card ?? resident
    },
    states: async id => {
      const all = await certificates(id)
      return (['signature', 'authentication'] as const)
        .map(ca => {
          const own = all.filter(each => each.ca === ca)
          const one = own.find(each => each.state !== 'revoked') ?? own.at(-1)
          const said = one === undefined ? '-' : [one.state, one.reason ?? []].flat().join('/')
          return `${ca}:${said}`
        })
        .join(' ')
    },
    card: async name => {
      const path = join(world.cardsFolder, `${name}.card.json`)
      const state = await readJsonFile(path, parseCardState)
      if (state === undefined) throw new Error(`no card ${name}`)
      return state
    },
  }
}

async function register(world: World, wanted: Wanted): Promise<string> {
  const name = wanted.name ?? '関所　花子'
  const address = wanted.address ?? '東京都千代田区神田神保町１丁目１番１号'
  const attributes: ResidentAttributes = {
    name,
    nameSubstitutes: substitutesOf(name),
    formerSurname: null,
    address,
    addressSubstitutes: substitutesOf(address),
    birthDate: wanted.birthDate ?? { year: 1985, month: 4, day: 1 },
    gender: 'female',
  }
  return world.store.transaction(tx =>
    enterResident(
      tx,
      world,
      { ...wanted, municipality: wanted.municipality ?? '13101', attributes },
      world.clock.now(),
    ),
  )
}

/** What the openssl command said. */
export type Said = { readonly status: number; readonly text: string }

/** Runs openssl without blocking, for the server that it asks may be in this process. */
export function openssl(...args: readonly string[]): Promise<Said> {
  return new Promise(resolve => {
    execFile('openssl', args, { timeout: 30_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ status, text: `${stdout}${stderr}` })
    })
  })
}

/** Writes certificates as one PEM file. */
export async function pemFile(
  folder: TemporaryFolder,
  name: string,
  certificates: readonly Certificate[],
): Promise<string> {
  const path = join(folder.path, name)
  const blocks = certificates.map(({ raw }) => {
    const lines =
      Buffer.from(raw)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
  })
  await writeFile(path, blocks.join(''))
  return path
}
