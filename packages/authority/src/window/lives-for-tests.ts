/**
 * The life simulation: thousands of synthetic lives through years of events at the window, from one seed, each compared with the
 * model (`life-model-for-tests.ts`) after every event, and the published lists with all models after every round of days.
 */
import assert from 'node:assert/strict'
import { Refusal } from '@sekisho/contract'
import type { CaKind } from '@sekisho/contract/authority'
import { dateInJapan, municipalities } from '@sekisho/contract/japan'
import { parseCertificate, parseCrl, readFourAttributes, toHex } from '@sekisho/pki'
import { seededRandom } from '@sekisho/runtime/random'
import { publishDue, readList, readManifest } from '../revocation/publish.ts'
import { type Draw, drawFrom } from '../registry/draw.ts'
import { enterResident } from '../registry/enter.ts'
import { type GeneratedResident, generateResidents } from '../registry/generate.ts'
import { latestBirthDate } from '../registry/resident.ts'
import { townMunicipalities } from '../registry/town-place.ts'
import type { TestWorld } from '../world-for-tests.ts'
import { type Life, live, type ModelCertificate, present, stayEnd } from './life-model-for-tests.ts'
import type { ResidentEvent } from './event.ts'
import { endStaysDue } from './stay-end.ts'

/** How many lives, how long. */
export type SimulationPlan = {
  readonly seed: string
  readonly lives: number
  /** Rounds of days; the published lists are compared after each. */
  readonly rounds: number
  readonly daysPerRound: number
  /** Percent of lives to which something happens in a round. */
  readonly percent: number
  /** Events at the same time, of different lives. */
  readonly atOnce: number
}

/** What came of it. */
export type SimulationResult = {
  readonly events: number
  readonly refused: number
  readonly certificates: number
  readonly entries: number
  readonly lists: number
  readonly byWhat: ReadonlyMap<string, number>
}

const secrets = { pin: '2468', password: 'SEKISHO1' } as const
const dayMs = 24 * 3600 * 1000

/** Through which the simulation acts; the world that it looks at is its own. */
export type Window = {
  /** Has an event happen. Throws its refusals. */
  happen(id: string, event: ResidentEvent): Promise<unknown>
  /** Removes whose stays have ended, or some of them; 0: there are none. */
  endStays(): Promise<number>
  publish(): Promise<unknown>
  /** The window died before it had written the card that the register knows: it must be made again before anything else. */
  lacksCard(id: string): Promise<boolean>
}

function windowOf(town: TestWorld): Window {
  return {
    happen: town.happen,
    endStays: () => endStaysDue(town.world),
    publish: () => publishDue(town.world),
    lacksCard: () => Promise.resolve(false),
  }
}

/** Runs the simulation; throws at the first thing that is not as the model has it. */
export async function simulateLives(
  town: TestWorld,
  plan: SimulationPlan,
  window: Window = windowOf(town),
): Promise<SimulationResult> {
  const draw = drawFrom(seededRandom(plan.seed))
  const lives = await enterAll(town, plan)
  const counts = new Map<string, number>()
  let refused = 0
  let lists = 0
  let entries = 0
  for (let round = 0; round < plan.rounds; round++) {
    town.clock.turnTo(town.clock.now() + Math.round(plan.daysPerRound * dayMs))
    await endStays(town, window, lives)
    const chosen = lives.filter(() => draw.happens(plan.percent))
    const events = chosen.map(life => ({ life, event: eventFor(draw, life, town.clock.now()) }))
    if (plan.atOnce === 1) await joinSome({ town, window }, draw, lives, counts)
    for (let from = 0; from < events.length; from += plan.atOnce)
      await Promise.all(
        events.slice(from, from + plan.atOnce).map(async ({ life, event }) => {
          const done = await perform({ town, window }, life, event)
          if (done === undefined) refused++
          else counts.set(done, (counts.get(done) ?? 0) + 1)
        }),
      )
    await window.publish()
    const published = await compareLists(town, lives)
    lists += published.lists
    entries += published.entries
    await compareHouseholds(town)
  }
  // Nothing came late either.
  for (const life of lives) await compareLife(town, life, life.certificates.length, life.id)
  return {
    events: [...counts.values()].reduce((sum, count) => sum + count, 0),
    refused,
    certificates: lives.reduce((sum, life) => sum + life.certificates.length, 0),
    entries,
    lists,
    byWhat: counts,
  }
}

async function enterAll(town: TestWorld, plan: SimulationPlan): Promise<readonly Life[]> {
  const at = town.clock.now()
  const residents = generateResidents({
    random: seededRandom(`${plan.seed} people`),
    count: plan.lives,
    today: dateInJapan(at),
    places: townMunicipalities,
  })
  const lives: Life[] = []
  const { year } = dateInJapan(at)
  for (const generated of residents) {
    // More foreign residents than there are, so that stays end and are extended.
    const until = { year: year + 1 + (lives.length % 4), month: 6, day: 30 }
    const one =
      lives.length % 5 === 0 && generated.stay === null
        ? { ...generated, stay: { ...stayOfFifth, until } }
        : generated
    const id = await town.world.store.transaction(tx =>
      enterResident(tx, town.world, { ...one, household: undefined }, at),
    )
    lives.push(lifeOf(id, one))
  }
  return lives
}

const stayOfFifth = { category: 'mid-to-long-term', nationality: 'BRA', alias: null } as const

function lifeOf(id: string, one: GeneratedResident): Life {
  return {
    id,
    status: 'resident',
    municipality: one.municipality,
    name: one.attributes.name,
    address: one.attributes.address,
    birth: latestBirthDate(one.attributes),
    gender: one.attributes.gender === 'male' ? 'male' : 'female',
    isWard: false,
    stay: one.stay,
    card: 0,
    cards: 0,
    cardEnd: 0,
    cardIssuedAt: 0,
    events: 0,
    numberChanges: 0,
    certificates: [],
  }
}

/** Has what is likely in a state happen most of the time, and anything at all now and then, which is refused or not. */
function eventFor(draw: Draw, life: Life, at: number): ResidentEvent {
  const hasCertificates = life.certificates.some(one => one.state !== 'revoked')
  const likely: readonly (readonly [ResidentEvent['what'], number])[] = [
    ['card', life.card === 0 ? 60 : 2],
    ['reissue', life.card > 0 ? 8 : 2],
    ['renew', life.card > 0 ? 14 : 2],
    ['signature', life.card > 0 && present(life, 'signature') === undefined ? 30 : 6],
    ['move', life.status === 'overseas' ? 40 : 14],
    ['rename', 6],
    ['correct', 2],
    ['correct-trivially', 2],
    ['lost', hasCertificates ? 8 : 1],
    ['found', life.certificates.some(one => one.state === 'held') ? 40 : 1],
    ['stop', hasCertificates ? 2 : 1],
    ['key-compromised', 2],
    ['recorded-wrongly', 2],
    ['end-card', 2],
    ['extend-card', life.stay === null ? 1 : 14],
    ['extend-stay', life.stay === null ? 1 : 30],
    ['begin-guardianship', 2],
    ['end-guardianship', life.isWard ? 14 : 1],
    ['change-number', 1],
    ['overseas', 3],
    ['residence-lost', 1],
    ['deceased', 1],
  ]
  const [what = 'card'] = likely[draw.weighted(likely.map(([, weight]) => weight))] ?? []
  return detailsOf(draw, life, what, at)
}

function detailsOf(draw: Draw, life: Life, what: ResidentEvent['what'], at: number): ResidentEvent {
  switch (what) {
    case 'card':
    case 'reissue':
      return {
        what,
        ...secrets,
        withAuthentication: draw.happens(92),
        withSignature: draw.happens(90),
      }
    case 'renew':
      return { what, ...secrets, withSignature: draw.happens(90) }
    case 'signature':
      return { what, ...secrets }
    case 'move': {
      const code = draw.pick(
        draw.happens(90) ? townMunicipalities : municipalities.map(one => one.code),
      )
      return {
        what,
        municipality: code,
        address: `架空町${'一二三四五六七八九'[draw.below(9)] ?? ''}番`,
      }
    }
    case 'rename':
      return {
        what,
        name: `${draw.pick(['佐藤', '鈴木', '髙橋', '𠮷田'])}　${draw.pick(['翔', '葵', '恵'])}`,
      }
    case 'correct':
      return { what, gender: draw.pick(['male', 'female'] as const) }
    case 'correct-trivially':
      return { what, address: `${life.address}別` }
    case 'extend-stay': {
      const { year } = dateInJapan(at)
      const until = {
        year: year + draw.below(4),
        month: 1 + draw.below(12),
        day: 1 + draw.below(28),
      }
      return { what, category: 'mid-to-long-term', until: draw.happens(15) ? null : until }
    }
    case 'overseas':
      return { what, continues: draw.happens(60) }
    case 'lost':
    case 'found':
    case 'stop':
    case 'key-compromised':
    case 'recorded-wrongly':
    case 'end-card':
    case 'extend-card':
    case 'begin-guardianship':
    case 'end-guardianship':
    case 'change-number':
    case 'residence-lost':
    case 'deceased':
      return { what }
    default:
      throw new RangeError(`the simulation does not do ${what}`)
  }
}

/** Has an event happen at the window and in the model, and compares. Returns what happened; undefined when both refuse it. */
async function perform(
  { town, window }: { readonly town: TestWorld; readonly window: Window },
  life: Life,
  wanted: ResidentEvent,
): Promise<ResidentEvent['what'] | undefined> {
  const event: ResidentEvent = (await window.lacksCard(life.id))
    ? { what: 'reissue', ...secrets }
    : wanted
  const at = town.clock.now()
  const told = `${life.id} ${JSON.stringify(event)} ${new Date(at).toISOString()} ${JSON.stringify(life)}`
  const before = life.certificates.length
  const { isRefused, issued } = live(life, event, at)
  let error: unknown
  try {
    await window.happen(life.id, event)
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown
    error = thrown
  }
  assert.equal(error instanceof Refusal, isRefused, `refused or not: ${told} ${String(error)}`)
  for (const ca of issued)
    life.certificates.push({
      ca,
      card: life.card,
      municipality: life.municipality,
      issuedAt: at,
      state: 'valid',
      reason: null,
      revokedAt: null,
      key: '',
      notAfter: Number.NaN,
      shows: `${life.name} ${life.address}`,
    })
  await compareLife(town, life, before, told)
  return isRefused ? undefined : event.what
}

/** A few move into the households of others, whom nothing else happens to at that moment. */
async function joinSome(
  { town, window }: { readonly town: TestWorld; readonly window: Window },
  draw: Draw,
  lives: readonly Life[],
  counts: Map<string, number>,
): Promise<void> {
  const here = lives.filter(life => life.status === 'resident')
  for (let index = 0; index < here.length / 20; index++) {
    const [guest, host] = [draw.pick(here), draw.pick(here)]
    const places = await town.world.store.read(db =>
      db
        .selectFrom('resident')
        .select('household_id')
        .where('id', 'in', [guest.id, host.id])
        .execute(),
    )
    const [one, other] = places
    if (other === undefined || one?.household_id === other.household_id) continue
    const isMove = guest.municipality !== host.municipality || guest.address !== host.address
    // What the law says of it: a move when the address changes, nothing for certificates else.
    const { municipality, address } = host
    if (isMove) live(guest, { what: 'move', municipality, address }, town.clock.now())
    else guest.events++
    await window.happen(guest.id, { what: 'join', of: host.id, relation: 'relative' })
    await compareLife(town, guest, guest.certificates.length, `${guest.id} joins ${host.id}`)
    counts.set('join', (counts.get('join') ?? 0) + 1)
  }
}

/** The person's cards, certificates and events as recorded, against the model and the rules of A2 and A3. */
async function compareLife(
  town: TestWorld,
  life: Life,
  before: number,
  told: string,
): Promise<void> {
  const { cards, rows, resident, events } = await readLife(town, life.id)
  assert.equal(resident.status, life.status, told)
  assert.equal(resident.is_ward, life.isWard, told)
  assert.equal(resident.municipality, life.municipality, told)
  assert.equal(events.length, life.events, `events ${told}`)
  assert.equal(cards.length, life.cards, told)
  const active = cards.filter(one => one.state === 'active')
  assert.equal(active.length, life.card === 0 ? 0 : 1, `cards in use ${told}`)
  const [card] = active
  if (card !== undefined) {
    assert.ok(card.expires_at <= stayEnd(life), `the card outlasts the stay ${told}`)
    assert.equal(card.expires_at, life.cardEnd, `end of the card ${told}`)
  }
  assert.equal(rows.length, life.certificates.length, `certificates ${told}`)
  const unknown = rows.filter(row => !life.certificates.some(one => one.key === keyOf(row)))
  for (const one of life.certificates.slice(before)) {
    const row = unknown.find(other => other.ca === one.ca)
    assert.ok(row !== undefined && row.der !== null, `not issued: ${one.ca} ${told}`)
    one.key = keyOf(row)
    one.notAfter = row.not_after
    judgeNew(life, one, row, told)
  }
  for (const one of life.certificates) {
    const row = rows.find(other => keyOf(other) === one.key)
    assert.deepEqual(
      [row?.state, row?.reason, row?.revoked_at, row?.municipality],
      [one.state, one.reason, one.revokedAt, one.municipality],
      `${one.ca} ${one.key} ${told}`,
    )
  }
  judgeWhole(life, rows, told)
}

type Row = {
  readonly ca: CaKind
  readonly issuer_key_id: string
  readonly serial: string
  readonly state: string
  readonly reason: string | null
  readonly revoked_at: number | null
  readonly municipality: string
  readonly not_after: number
  readonly not_before: number
  readonly der: Uint8Array | null
  readonly predecessor_serial: string | null
  readonly predecessor_issuer_key_id: string | null
}

/** Bounds of a certificate just issued. */
function judgeNew(life: Life, one: ModelCertificate, row: Row, told: string): void {
  const at = one.issuedAt
  assert.ok(row.not_after > at && row.not_after <= life.cardEnd, `outlasts the card ${told}`)
  assert.ok(row.not_after - at < 6.01 * 365.25 * dayMs, `too long ${told}`)
  if (one.ca === 'authentication') return
  const beside = present(life, 'authentication')
  if (beside !== undefined)
    assert.ok(row.not_after <= beside.notAfter, `outlives the authentication certificate ${told}`)
  const read = readFourAttributes(parseCertificate(row.der ?? new Uint8Array()))
  assert.ok(read.kind === 'passed', told)
  const { name, nameSubstitutes, address } = read.value
  const substituted = Array.from(life.name, (character, index) =>
    nameSubstitutes[index] === true ? '〓' : character,
  ).join('')
  assert.deepEqual([name, address], [substituted, life.address], `attributes ${told}`)
}

/** Rules over everything that a person ever had. */
function judgeWhole(life: Life, rows: readonly Row[], told: string): void {
  for (const ca of ['authentication', 'signature'] as const) {
    const live = life.certificates.filter(one => one.ca === ca && one.state !== 'revoked')
    assert.ok(live.length <= 1, `two ${ca} certificates ${told}`)
    assert.ok(
      live.every(one => one.card === life.card && life.card > 0),
      `one on no card in use ${told}`,
    )
  }
  const signature = present(life, 'signature')
  assert.ok(signature === undefined || !life.isWard, `a ward signs ${told}`)
  assert.ok(signature === undefined || life.status === 'resident', `signs from nowhere ${told}`)
  // The line of authentication certificates: each follows the one issued before it.
  const line = life.certificates.filter(one => one.ca === 'authentication')
  for (const [index, one] of line.entries()) {
    const row = rows.find(other => keyOf(other) === one.key)
    const said =
      row?.predecessor_serial === null
        ? undefined
        : `${row?.predecessor_issuer_key_id} ${row?.predecessor_serial}`
    assert.equal(said, line[index - 1]?.key, `line of predecessors ${told}`)
  }
}

async function readLife(town: TestWorld, id: string) {
  return town.world.store.transaction(async tx => {
    const resident = await tx
      .selectFrom('resident')
      .select(['status', 'is_ward', 'municipality'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const cards = await tx
      .selectFrom('card')
      .select(['state', 'expires_at'])
      .where('resident_id', '=', id)
      .execute()
    const rows: readonly Row[] = await tx
      .selectFrom('certificate')
      .selectAll()
      .where('resident_id', '=', id)
      .execute()
    const events = await tx
      .selectFrom('event')
      .select('kind')
      .where('resident_id', '=', id)
      .execute()
    return { resident, cards, rows, events }
  })
}

/** Ends of stay are the day's, not the window's. */
async function endStays(town: TestWorld, window: Window, lives: readonly Life[]): Promise<void> {
  const at = town.clock.now()
  let expected = 0
  for (const life of lives) {
    if (life.status !== 'resident' || stayEnd(life) >= at) continue
    expected++
    assert.equal(live(life, { what: 'stay-ended' }, at).isRefused, false)
  }
  let removed = 0
  for (let count = -1; count !== 0; removed += count) count = await window.endStays()
  assert.equal(removed, expected, 'stays that ended')
}

/** Reads every published list: it says exactly what the models say of certificates that have not expired. */
async function compareLists(
  town: TestWorld,
  lives: readonly Life[],
): Promise<{ readonly lists: number; readonly entries: number }> {
  const at = town.clock.now()
  const said = new Map<string, string>()
  const { partitions } = await readManifest(town.world)
  const places = new Map<string, string>()
  for (const partition of partitions) {
    const der = await readList(town.world, { ...partition, form: 'full' })
    if (der === undefined) throw new Error('a list of the manifest is not there')
    const list = parseCrl(der)
    for (let index = 0; index < list.count; index++) {
      const { reason, revokedAt } = list.entryAt(index)
      const key = `${partition.issuerKeyId} ${toHex(list.serialAt(index))}`
      assert.ok(!said.has(key), `${key} is on two lists`)
      said.set(key, `${reason} ${revokedAt}`)
      places.set(key, partition.municipality)
    }
  }
  let entries = 0
  for (const one of lives.flatMap(life => life.certificates)) {
    const expected =
      one.state === 'valid' || one.revokedAt === null
        ? undefined
        : `${one.reason} ${Math.floor(one.revokedAt / 1000) * 1000}`
    const found = said.get(one.key)
    said.delete(one.key)
    if (found !== undefined) assert.equal(places.get(one.key), one.municipality)
    // What has expired stays on one more list at most, and says the same there.
    if (one.notAfter >= at || found !== undefined)
      assert.equal(found, expected, `${one.ca} ${one.key}`)
    if (found !== undefined) entries++
  }
  assert.deepEqual([...said], [], 'entries of nobody')
  return { lists: partitions.length, entries }
}

/** Every household has one head, and only registered members. */
async function compareHouseholds(town: TestWorld): Promise<void> {
  const rows = await town.world.store.read(db =>
    db.selectFrom('resident').select(['household_id', 'relation', 'status']).execute(),
  )
  const heads = new Map<string, number>()
  for (const { household_id: id, relation, status } of rows) {
    assert.equal(id === null, status !== 'resident')
    if (id !== null) heads.set(id, (heads.get(id) ?? 0) + (relation === 'head' ? 1 : 0))
  }
  for (const [id, count] of heads) assert.equal(count, 1, `household ${id}`)
}

function keyOf(row: Pick<Row, 'issuer_key_id' | 'serial'>): string {
  return `${row.issuer_key_id} ${row.serial}`
}

/**
 * Few people, many events at once, some of one household or of one person: nothing says which comes first, so only what holds
 * in every order is compared. An event is refused or happens; it never fails.
 */
export async function raceLives(
  town: TestWorld,
  plan: {
    readonly seed: string
    readonly people: number
    readonly rounds: number
    readonly atOnce: number
  },
): Promise<{ readonly events: number; readonly refused: number }> {
  const draw = drawFrom(seededRandom(plan.seed))
  const ids: string[] = []
  for (let index = 0; index < plan.people; index++) ids.push(await town.register())
  const address = (): string => `架空町${draw.below(1000)}番`
  const makers: readonly (() => ResidentEvent)[] = [
    () => ({ what: 'join', of: draw.pick(ids), relation: 'sibling' }),
    () => ({ what: 'join', of: draw.pick(ids), relation: 'child' }),
    () => ({ what: 'head' }),
    () => ({
      what: 'move',
      municipality: '14205',
      address: address(),
      withHousehold: draw.happens(50),
    }),
    () => ({ what: 'move', municipality: '13101', address: address() }),
    () => ({ what: 'overseas' }),
    () => ({ what: 'card', ...secrets }),
    () => ({ what: 'reissue', ...secrets }),
    () => ({ what: 'renew', ...secrets }),
    () => ({ what: 'signature', ...secrets }),
    () => ({ what: 'lost' }),
    () => ({ what: 'found' }),
    () => ({ what: 'rename', name: `関所　${draw.pick(['春', '夏', '秋', '冬'])}` }),
    () => ({
      what: 'born',
      name: '関所　一',
      birthDate: { year: 2023, month: 12, day: 1 },
      gender: 'female',
    }),
  ]
  let events = 0
  let refused = 0
  for (let round = 0; round < plan.rounds; round++) {
    town.clock.turnTo(town.clock.now() + 7 * dayMs)
    const few = Array.from({ length: 5 }, () => draw.pick(ids))
    const chosen = Array.from({ length: plan.atOnce }, () => ({
      id: draw.pick(few),
      event: draw.pick(makers)(),
    }))
    await Promise.all([
      ...chosen.map(async ({ id, event }) => {
        try {
          await town.happen(id, event)
          events++
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
          refused++
        }
      }),
      publishDue(town.world),
    ])
    await compareHouseholds(town)
    await compareRecords(town)
  }
  return { events, refused }
}

/** What the registry says of itself and what its lists say are the same; no person has two of anything, no line branches. */
async function compareRecords(town: TestWorld): Promise<void> {
  await publishDue(town.world)
  const rows = await town.world.store.read(db => db.selectFrom('certificate').selectAll().execute())
  const said = new Map<string, string>()
  for (const partition of (await readManifest(town.world)).partitions) {
    const der = await readList(town.world, { ...partition, form: 'full' })
    const list = parseCrl(der ?? new Uint8Array())
    for (let at = 0; at < list.count; at++)
      said.set(`${partition.issuerKeyId} ${toHex(list.serialAt(at))}`, list.entryAt(at).reason)
  }
  const expected = rows.filter(row => row.state !== 'valid')
  assert.deepEqual(
    Array.from(said, ([key, reason]) => `${key} ${reason}`).toSorted(),
    expected.map(row => `${keyOf(row)} ${row.reason}`).toSorted(),
  )
  const firsts = new Set<string>()
  for (const row of rows) {
    if (row.ca !== 'authentication' || row.predecessor_serial !== null) continue
    assert.ok(!firsts.has(row.resident_id), `two lines of ${row.resident_id}`)
    firsts.add(row.resident_id)
  }
  const valid = rows
    .filter(row => row.state !== 'revoked')
    .map(row => `${row.resident_id} ${row.ca}`)
  assert.equal(new Set(valid).size, valid.length, 'two of a kind')
}
