/**
 * `pinless`: the PIN-less office of the town, an organisation with its keys in a folder, and a terminal that asks a card of the town
 * without PIN (docs/protocol/pinless.md).
 */
import { createPrivateKey, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { authenticatePinless, type TerminalCredential } from '@sekisho/card'
import { issueTerminalCertificate } from '@sekisho/card/issue'
import { Refusal } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import { openCardFolder } from '@sekisho/readers'
import { townClock } from '@sekisho/runtime/clock'
import {
  ownerOnlyFolder,
  readJsonFile,
  writeFileAtomically,
  writeJsonFile,
} from '@sekisho/runtime/files'
import { type KeyPair, loadOrCreateKey } from '@sekisho/runtime/keys'
import { systemRandom } from '@sekisho/runtime/random'
import type { Command } from 'commander'
import { z } from 'zod'
import { defaultPortBase, layoutOf } from '../town/layout.ts'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addPinlessCommands(program: Command): void {
  const pinless = program
    .command('pinless')
    .description('authentication without PIN: organisations, their terminals, and asking a card')
  pinless
    .command('register')
    .description('register an organisation; its key is made in the folder')
    .argument('<name>')
    .requiredOption('--to <folder>', 'the organisation’s folder')
    .option('--unit <text>', 'the site or terminal, where codes are for such', '')
    .option('--key-from-authority', 'where the authority makes the keys', false)
    .option('--data <folder>', '', defaultFolder())
    .action(register)
  pinless
    .command('certify')
    .description('get the organisation’s certificate from the office, anew')
    .argument('<folder>', 'the organisation’s folder')
    .option('--data <folder>', '', defaultFolder())
    .action(certify)
  pinless
    .command('terminal')
    .description('certify a terminal with the organisation’s key and enter it at the office')
    .argument('<folder>', 'the organisation’s folder')
    .argument('<number>', '1 to 8 letters and digits')
    .option('--days <number>', 'how long, from today on', '7')
    .option('--data <folder>', '', defaultFolder())
    .action(certifyTerminal)
  pinless
    .command('ask')
    .description('have a card answer a terminal, without PIN and without any centre')
    .argument('<folder>', 'the organisation’s folder')
    .argument('<number>', 'the terminal')
    .requiredOption('--card <persona>', 'whose card lies on the terminal')
    .option('--challenge <base64>', '32 bytes of a centre; else the terminal makes its own')
    .option('--data <folder>', '', defaultFolder())
    .action(ask)
  pinless
    .command('withdraw')
    .description('withdraw an organisation, or one of its terminals')
    .argument('<code>', '7 digits')
    .requiredOption('--why <text>', 'for the record')
    .option('--terminal <number>')
    .option('--data <folder>', '', defaultFolder())
    .action(async (code: string, given: { why: string; terminal?: string; data: string }) => {
      const { why, terminal: number, data } = given
      const body = { code, why, ...(number === undefined ? {} : { number }) }
      tell(await office(data, 'pinless-withdraw', body))
    })
  pinless
    .command('list')
    .description('the registered organisations')
    .option('--data <folder>', '', defaultFolder())
    .action(async ({ data }: { data: string }) => tell(await office(data, 'pinless-list')))
}

async function register(
  name: string,
  given: { to: string; unit: string; keyFromAuthority: boolean; data: string },
): Promise<void> {
  const folder = resolve(given.to)
  await ownerOnlyFolder(folder)
  const { unit } = given
  const spki = given.keyFromAuthority ? {} : { spki: base64(spkiOf(await organisationKey(folder))) }
  const answer = z
    .object({ code: z.string(), privateKey: z.base64().optional() })
    .parse(await office(given.data, 'pinless-register', { name, unit, ...spki }))
  if (answer.privateKey !== undefined) {
    const der = Buffer.from(answer.privateKey, 'base64')
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const pem = key.export({ format: 'pem', type: 'pkcs8' })
    await writeFileAtomically(join(folder, 'organisation.pem'), pem)
  }
  await writeJsonFile(join(folder, 'organisation.json'), { code: answer.code, name, unit })
  tell({ code: answer.code })
}

async function certify(given: string, { data }: { data: string }): Promise<void> {
  const folder = resolve(given)
  const code = await codeIn(folder)
  const answer = z
    .object({ certificate: z.base64(), until: z.string() })
    .parse(await office(data, 'pinless-certify', { code }))
  await writeFileAtomically(
    join(folder, 'organisation.cv'),
    Buffer.from(answer.certificate, 'base64'),
  )
  tell({ code, until: answer.until })
}

async function certifyTerminal(
  given: string,
  number: string,
  options: { days: string; data: string },
): Promise<void> {
  const folder = resolve(given)
  const days = z.coerce.number().int().min(1).max(7).safeParse(options.days)
  if (!days.success || !/^[A-Za-z0-9]{1,8}$/.test(number)) throw new Refusal('request-malformed')
  const code = await codeIn(folder)
  const organisation = await organisationKey(folder)
  const above = await bytesIn(folder, 'organisation.cv')
  const today = now(options.data)
  const certificate = issueTerminalCertificate(
    {
      number,
      spki: spkiOf(await loadOrCreateKey(folder, fileOf(number), 'rsa-2048')),
      from: dayOf(today),
      until: dayOf(today + (days.data - 1) * dayMs),
    },
    { certificate: above, sign: message => signedBy(organisation, message) },
  )
  const body = { code, certificate: base64(certificate) }
  const entered = await office(options.data, 'pinless-terminal', body)
  await writeFileAtomically(join(folder, `${fileOf(number)}.cv`), certificate)
  tell(entered)
}

async function ask(
  given: string,
  number: string,
  options: { card: string; challenge?: string; data: string },
): Promise<void> {
  const folder = resolve(given)
  const key = await loadOrCreateKey(folder, fileOf(number), 'rsa-2048')
  const credential: TerminalCredential = {
    organisationCertificate: await bytesIn(folder, 'organisation.cv'),
    terminalCertificate: await bytesIn(folder, `${fileOf(number)}.cv`),
    sign: message => signedBy(key, message),
  }
  const challenge =
    options.challenge === undefined
      ? systemRandom().bytes(32)
      : new Uint8Array(Buffer.from(options.challenge, 'base64'))
  if (challenge.length !== 32) throw new Refusal('request-malformed', { fields: 'challenge' })
  const { cardsFolder } = layoutOf(resolve(options.data), defaultPortBase)
  await using held = await openCardFolder(cardsFolder).take(options.card)
  const today = dayOf(now(options.data))
  const answer = await authenticatePinless(held.card, credential, { challenge, today })
  if (answer.kind === 'refused') {
    tell({ refused: answer.reason })
    process.exitCode = 2
    return
  }
  const { organisation, signature, certificate } = answer.value
  tell({
    challenge: base64(challenge),
    organisation,
    terminal: number,
    signature: base64(signature),
    certificate: base64(certificate),
  })
}

function organisationKey(folder: string): Promise<KeyPair> {
  return loadOrCreateKey(folder, 'organisation', 'rsa-2048')
}

async function codeIn(folder: string): Promise<string> {
  const found = await readJsonFile(join(folder, 'organisation.json'), value =>
    z.object({ code: z.string() }).parse(value),
  )
  if (found === undefined) throw new Refusal('organisation-unregistered')
  return found.code
}

/** A terminal's files: by the digits of its number, for some disks know no capitals. */
function fileOf(number: string): string {
  return `terminal-${Buffer.from(number).toString('hex')}`
}

async function bytesIn(folder: string, name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(join(folder, name)))
}

function spkiOf({ publicKey }: KeyPair): Uint8Array {
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
}

function signedBy({ privateKey }: KeyPair, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign('sha256', message, privateKey))
}

/** The town's time. */
function now(data: string): number {
  return townClock(layoutOf(resolve(data), defaultPortBase).clockFile).now()
}

function dayOf(at: number): string {
  const { year, month, day } = dateInJapan(at)
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}

const dayMs = 86_400_000
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function office(data: string, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'authority', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
