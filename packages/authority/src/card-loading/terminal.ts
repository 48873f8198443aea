/**
 * Loading terminals: registered with a key, a place and an administrator; their certificates under the designated cloud operator's;
 * and how the service knows that a browser is a terminal's.
 */
import { createHash, sign } from 'node:crypto'
import type { TerminalCredential } from '@sekisho/card'
import { issueOrganisationCertificate, issueTerminalCertificate } from '@sekisho/card/issue'
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { type KeyPair, loadOrCreateKey } from '@sekisho/runtime/keys'
import { dayAfter, dayText } from '../pinless-office/day.ts'
import type { LoadingWorld } from './world.ts'

/**
 * Registers a terminal, or gives a registered one another enrolment code. The code is entered once in the terminal's browser. Refusal
 * `loading-terminal-unknown` for one that was withdrawn.
 */
export async function registerTerminal(
  world: LoadingWorld,
  terminal: { readonly number: string; readonly place: string; readonly administrator: string },
): Promise<{ readonly enrolment: string }> {
  const enrolment = world.random.token(enrolmentBits)
  const spki = spkiOf(await terminalKey(world, terminal.number))
  const code = {
    enrolment: sha256(enrolment),
    enrolment_until: protocolNow() + world.rules.enrolmentMs,
  }
  const { place, administrator } = terminal
  const added = await world.store.transaction(tx =>
    tx
      .insertInto('loading_terminal')
      .values({
        number: terminal.number,
        place,
        administrator,
        spki,
        browser: null,
        ...code,
        state: 'active',
        registered_at: world.clock.now(),
      })
      .onConflict(conflict =>
        conflict
          .column('number')
          .doUpdateSet({ place, administrator, ...code })
          .where('loading_terminal.state', '=', 'active'),
      )
      .returning('number')
      .executeTakeFirst(),
  )
  if (added === undefined) throw new Refusal('loading-terminal-unknown')
  return { enrolment }
}

/**
 * A browser becomes the terminal's: the code is used up, and what it is given is what it shows from then on. A browser that was the
 * terminal's before is so no longer. Refusal `loading-enrolment-unknown`.
 */
export async function enrolTerminal(
  world: LoadingWorld,
  given: { readonly number: string; readonly enrolment: string },
): Promise<string> {
  const browser = world.random.token(browserBits)
  const taken = await world.store.transaction(tx =>
    tx
      .updateTable('loading_terminal')
      .set({ browser: sha256(browser), enrolment: null, enrolment_until: null })
      .where('number', '=', given.number)
      .where('enrolment', '=', sha256(given.enrolment))
      .where('enrolment_until', '>', protocolNow())
      .where('state', '=', 'active')
      .returning('number')
      .executeTakeFirst(),
  )
  if (taken === undefined) throw new Refusal('loading-enrolment-unknown')
  return browser
}

/** The terminal whose browser shows this. Refusal `loading-terminal-unknown`. */
export async function requireTerminal(
  world: LoadingWorld,
  browser: string | undefined,
): Promise<string> {
  const found =
    browser === undefined
      ? undefined
      : await world.store.read(db =>
          db
            .selectFrom('loading_terminal')
            .select('number')
            .where('browser', '=', sha256(browser))
            .where('state', '=', 'active')
            .executeTakeFirst(),
        )
  if (found === undefined) throw new Refusal('loading-terminal-unknown')
  return found.number
}

/** A terminal is used no more: its browser is a stranger's, its operators are out, it gets no certificate. */
export async function withdrawTerminal(world: LoadingWorld, number: string): Promise<void> {
  await world.store.transaction(async tx => {
    const found = await tx
      .updateTable('loading_terminal')
      .set({ state: 'withdrawn', browser: null, enrolment: null, enrolment_until: null })
      .where('number', '=', number)
      .returning('number')
      .executeTakeFirst()
    if (found === undefined) throw new Refusal('loading-terminal-unknown')
    await tx.deleteFrom('loading_session').where('terminal', '=', number).execute()
  })
}

/** What a terminal shows to a card today. Refusal `loading-terminal-unknown` unless it is registered with the key that it has. */
export async function terminalCredential(
  world: LoadingWorld,
  number: string,
): Promise<TerminalCredential> {
  const row = await world.store.read(db =>
    db
      .selectFrom('loading_terminal')
      .select('spki')
      .where('number', '=', number)
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  const key = await terminalKey(world, number)
  const spki = spkiOf(key)
  if (row === undefined || Buffer.compare(row.spki, spki) !== 0)
    throw new Refusal('loading-terminal-unknown')
  const operator = await loadOrCreateKey(world.keysFolder, 'loading-operator', 'rsa-2048')
  const { operatorCode: code, operatorDays, terminalDays } = world.rules
  const from = dayText(world.clock.now())
  const organisationCertificate = issueOrganisationCertificate(
    {
      code,
      spki: spkiOf(operator),
      role: 'loading-operator',
      from,
      until: dayAfter(from, operatorDays - 1),
    },
    world.authority,
  )
  const until = dayAfter(from, terminalDays - 1)
  return {
    organisationCertificate,
    terminalCertificate: issueTerminalCertificate(
      { number, spki, from, until },
      { certificate: organisationCertificate, sign: message => signedBy(operator, message) },
    ),
    sign: message => signedBy(key, message),
  }
}

/** SHA-256 of a secret that somebody shows, hexadecimal. */
export function sha256(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

function terminalKey(world: LoadingWorld, number: string): Promise<KeyPair> {
  // By its digits, for some disks know no capitals.
  const name = `loading-terminal-${Buffer.from(number).toString('hex')}`
  return loadOrCreateKey(world.keysFolder, name, 'rsa-2048')
}

function spkiOf({ publicKey }: KeyPair): Uint8Array {
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
}

function signedBy({ privateKey }: KeyPair, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign('sha256', message, privateKey))
}

/** An enrolment code is typed by hand: 80 bits in 14 characters, for a day. */
const enrolmentBits = 80
const browserBits = 256
