/**
 * The PIN-less office (A10; flows.md §7): registers organisations 特定機関, issues their codes, certifies their keys with the
 * verification private key whose public half is on every card, and knows their terminals. Certificates are short; whoever is
 * withdrawn gets no new one, and stands as withdrawn on the list that platforms go by.
 */
import { type CvCertificate, checkCredential } from '@sekisho/card'
import { cvKeyObjects, type CvSigner, issueOrganisationCertificate } from '@sekisho/card/issue'
import { Refusal } from '@sekisho/contract'
import type { PinlessStanding } from '@sekisho/contract/authority'
import { MalformedError } from '@sekisho/pki'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import { lockInTransaction, sql, type Store, type Transaction } from '@sekisho/runtime/store'
import type { CardKey } from '../world.ts'
import type { PinlessTables } from './database.ts'
import { dayAfter, dayText } from './day.ts'
import type { PinlessRules } from './rules.ts'

/** What the office stands on. */
export type PinlessWorld = {
  readonly store: Store<PinlessTables>
  /** The verification private key. */
  readonly authority: CvSigner
  readonly rules: PinlessRules
  readonly clock: Clock
  /** Makes an organisation's key, where the authority does. */
  organisationKey(): Promise<CardKey>
}

/** What an organisation has after its registration. */
export type PinlessRegistration = {
  readonly code: string
  /** PKCS #8, where the authority made the key. */
  readonly privateKey: Uint8Array | undefined
}

/**
 * Registers an organisation, or a site or terminal of one, and issues its code. Refusals `request-malformed` when a key or unit
 * is given that the policy does not have, or none where it has one, and for a key that is not RSA-2048; `organisation-registered`.
 */
export async function registerOrganisation(
  world: PinlessWorld,
  wanted: { readonly name: string; readonly unit: string; readonly spki: Uint8Array | undefined },
): Promise<PinlessRegistration> {
  const { rules } = world
  if ((rules.codesFor === 'organisation') !== (wanted.unit === '')) malformed('unit')
  if ((rules.keysMadeBy === 'organisation') !== (wanted.spki !== undefined)) malformed('key')
  const made = wanted.spki === undefined ? await world.organisationKey() : undefined
  const spki = wanted.spki ?? made?.spki ?? malformed('key')
  requireKey(spki)
  return world.store.transaction(async tx => {
    await lockInTransaction(tx, 'pinless organisations')
    const found = await tx
      .selectFrom('pinless_organisation')
      .select('code')
      .where('name', '=', wanted.name)
      .where('unit', '=', wanted.unit)
      .where('state', '=', 'active')
      .executeTakeFirst()
    if (found !== undefined) throw new Refusal('organisation-registered', { code: found.code })
    const next = await sql<{ code: string }>`select nextval('pinless_code')::text as code`.execute(
      tx,
    )
    const code = next.rows[0]?.code ?? malformed('code')
    await tx
      .insertInto('pinless_organisation')
      .values({
        code,
        name: wanted.name,
        unit: wanted.unit,
        spki,
        certificate: null,
        until: null,
        state: 'active',
        registered_at: world.clock.now(),
        withdrawn_at: null,
        withdrawn_for: null,
      })
      .execute()
    return { code, privateKey: made?.pkcs8 }
  })
}

/**
 * Certifies an organisation's key from today on, for the first time or anew. Asked again on the same day, it answers with the same
 * certificate. Refusals `organisation-unregistered`, `organisation-withdrawn`.
 */
export async function certifyOrganisation(
  world: PinlessWorld,
  code: string,
): Promise<{ readonly certificate: Uint8Array; readonly until: string }> {
  const from = dayText(world.clock.now())
  const until = dayAfter(from, world.rules.organisationDays - 1)
  return world.store.transaction(async tx => {
    const found = await inGoodStanding(tx, code)
    if (found.certificate !== null && found.until === until)
      return { certificate: found.certificate, until }
    const certificate = issueOrganisationCertificate(
      { code, spki: found.spki, role: 'pinless-organisation', from, until },
      world.authority,
    )
    await tx
      .updateTable('pinless_organisation')
      .set({ certificate, until })
      .where('code', '=', code)
      .execute()
    return { certificate, until }
  })
}

/**
 * Enters the certificate that an organisation gave to one of its terminals: from then on platforms take the terminal's answers. The
 * same certificate may be entered again. Refusals `organisation-unregistered`, `organisation-withdrawn`, `terminal-withdrawn`;
 * `terminal-certificate-unfit` when the organisation's newest certificate does not stand above it, when it lasts longer than the
 * policy allows, and for a second terminal under a code that is for one.
 */
export async function enterTerminal(
  world: PinlessWorld,
  code: string,
  terminalCertificate: Uint8Array,
): Promise<{ readonly number: string; readonly until: string }> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const { certificate } = await inGoodStanding(tx, code)
    const parsed = checkCredential(
      { organisationCertificate: certificate ?? new Uint8Array(), terminalCertificate },
      dayText(at),
    )
    if (parsed.kind === 'refused')
      throw new Refusal('terminal-certificate-unfit', { why: parsed.reason })
    const { terminal } = parsed.value
    const number = terminal.subject.slice(code.length + 1)
    const term = terminalTerm(world, terminal, code)
    const known = await tx
      .selectFrom('pinless_terminal')
      .select(['number', 'state', 'until'])
      .where('organisation', '=', code)
      .execute()
    const same = known.find(one => one.number === number)
    if (same?.state === 'withdrawn') throw new Refusal('terminal-withdrawn')
    const others = known.filter(one => one !== same && one.state === 'active')
    if (world.rules.codesFor === 'terminal' && others.length > 0)
      throw new Refusal('terminal-certificate-unfit', { why: 'code-of-another' })
    const until = same !== undefined && same.until > term ? same.until : term
    const entry = { spki: terminal.spki, until, entered_at: at }
    await tx
      .insertInto('pinless_terminal')
      .values({
        organisation: code,
        number,
        ...entry,
        state: 'active',
        withdrawn_at: null,
        withdrawn_for: null,
      })
      .onConflict(conflict => conflict.columns(['organisation', 'number']).doUpdateSet(entry))
      .execute()
    return { number, until }
  })
}

/** The last day of a terminal's certificate, if all about it is as the office wants it. */
function terminalTerm(world: PinlessWorld, terminal: CvCertificate, code: string): string {
  const { term } = terminal
  const isTerminals =
    term?.role === 'pinless-terminal' && /^[A-Za-z0-9]{1,8}$/.test(terminal.subject.slice(8))
  if (!isTerminals || !terminal.subject.startsWith(`${code}-`))
    throw new Refusal('terminal-certificate-unfit', { why: 'terminal-refused' })
  if (term.until > dayAfter(term.from, world.rules.terminalDays - 1))
    throw new Refusal('terminal-certificate-unfit', { why: 'days' })
  return term.until
}

/**
 * Withdraws an organisation, or one of its terminals: nothing is certified or entered again, and the next standing tells so. Again, it
 * changes nothing. Refusals `organisation-unregistered`, `terminal-unregistered`.
 */
export async function withdrawPinless(
  world: PinlessWorld,
  given: { readonly code: string; readonly number: string | undefined; readonly why: string },
): Promise<void> {
  const { code, number, why } = given
  const change = {
    state: 'withdrawn',
    withdrawn_at: world.clock.now(),
    withdrawn_for: why,
  } as const
  await world.store.transaction(async tx => {
    await findOrganisation(tx, code)
    if (number === undefined) {
      await tx
        .updateTable('pinless_organisation')
        .set(change)
        .where('code', '=', code)
        .where('state', '=', 'active')
        .execute()
      return
    }
    const found = await tx
      .selectFrom('pinless_terminal')
      .select('state')
      .where('organisation', '=', code)
      .where('number', '=', number)
      .executeTakeFirst()
    if (found === undefined) throw new Refusal('terminal-unregistered')
    await tx
      .updateTable('pinless_terminal')
      .set(change)
      .where('organisation', '=', code)
      .where('number', '=', number)
      .where('state', '=', 'active')
      .execute()
  })
}

/** How everybody stands now. */
export async function readStanding(world: PinlessWorld): Promise<PinlessStanding> {
  const at = world.clock.now()
  const [organisations, terminals] = await world.store.read(async db => [
    await db.selectFrom('pinless_organisation').selectAll().orderBy('code').execute(),
    await db
      .selectFrom('pinless_terminal')
      .selectAll()
      .orderBy('organisation')
      .orderBy('number')
      .execute(),
  ])
  const told = (one: { readonly until: string | null; readonly withdrawn_at: number | null }) => ({
    until: one.until,
    withdrawnAt: one.withdrawn_at === null ? null : instant(one.withdrawn_at),
  })
  const byCode = Map.groupBy(terminals, one => one.organisation)
  return {
    thisUpdate: instant(at),
    nextUpdate: instant(at + world.rules.standingMs),
    organisations: organisations.map(one => ({
      code: one.code,
      ...told(one),
      terminals: (byCode.get(one.code) ?? []).map(each => ({
        number: each.number,
        ...told(each),
      })),
    })),
  }
}

/** The registered organisations, for who runs the office. */
export async function listOrganisations(world: PinlessWorld) {
  const rows = await world.store.read(db =>
    db.selectFrom('pinless_organisation').selectAll().orderBy('code').execute(),
  )
  return rows.map(({ code, name, unit, state, until, withdrawn_for: why }) => ({
    code,
    name,
    unit,
    state,
    until,
    why,
  }))
}

async function findOrganisation(tx: Transaction<PinlessTables>, code: string) {
  const found = await tx
    .selectFrom('pinless_organisation')
    .selectAll()
    .where('code', '=', code)
    .forUpdate()
    .executeTakeFirst()
  if (found === undefined) throw new Refusal('organisation-unregistered')
  return found
}

async function inGoodStanding(tx: Transaction<PinlessTables>, code: string) {
  const found = await findOrganisation(tx, code)
  if (found.state === 'withdrawn') throw new Refusal('organisation-withdrawn')
  return found
}

function requireKey(spki: Uint8Array): void {
  try {
    cvKeyObjects(spki)
  } catch (fault) {
    if (fault instanceof MalformedError || fault instanceof RangeError) malformed('key')
    throw fault
  }
}

const instant = (at: Instant): string => new Date(at).toISOString()

function malformed(field: string): never {
  throw new Refusal('request-malformed', { field })
}
