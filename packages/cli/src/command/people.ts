/** `sekisho people`: registrations at the running platform, brought together, taken apart, handed over (C4). */
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { callProgram } from './admin.ts'
import { readJson } from './file.ts'
import { defaultFolder } from './town.ts'

type Where = { readonly data: string }
type Deciding = Where & { readonly by: string; readonly reason: string }

/** Adds the commands. */
export function addPeopleCommands(program: Command): void {
  const people = program
    .command('people')
    .description('registrations of people at the running platform')
  const add = (name: string, description: string): Command =>
    people.command(name).description(description).option('--data <folder>', '', defaultFolder())
  const decide = (name: string, description: string): Command =>
    add(name, description)
      .requiredOption('--by <name>', 'who decides')
      .requiredOption('--reason <text>', 'why; the person reads it, so no names of others')
  add('cases', 'people whose certificates belong to two registrations').action(
    async (given: Where) => tell(await ask(given, 'people-cases')),
  )
  add('dismiss', 'they stay two')
    .argument('<case>')
    .action(async (id: string, given: Where) => tell(await ask(given, 'people-dismiss', { id })))
  add('show', 'a registration: kinds of certificates, providers, decisions')
    .argument('<person>')
    .action(async (personId: string, given: Where) =>
      tell(await ask(given, 'people-show', { personId })),
    )
  decide('merge', 'bring the second registration into the first')
    .argument('<person>')
    .argument('<other>')
    .action(async (personId: string, otherId: string, { data, by, reason }: Deciding) =>
      tell(await ask({ data }, 'people-merge', { personId, otherId, by, reason })),
    )
  decide('split', 'take certificates out of a registration into a new one')
    .argument('<person>')
    .requiredOption('--certificates <ids...>', 'as `show` lists them')
    .option('--providers <ids...>', 'whose id of the person goes along', [])
    .action(
      async (
        personId: string,
        {
          data,
          ...given
        }: Deciding & { certificates: readonly string[]; providers: readonly string[] },
      ) => tell(await ask({ data }, 'people-split', { personId, ...given })),
    )
  decide('undo', 'undo a decision')
    .argument('<decision>')
    .action(async (decision: string, { data, by, reason }: Deciding) =>
      tell(await ask({ data }, 'people-undo', { decision, by, reason })),
    )
  addTransferCommands(add)
}

function addTransferCommands(add: (name: string, description: string) => Command): void {
  add('sender-key', 'the public key that signs exports, for the operator who takes them in').action(
    async (given: Where) => tell(await ask(given, 'people-sender-key')),
  )
  add('transfer-key', 'make a key for an operator to encrypt registrations to')
    .requiredOption('--out <file>', 'private key, PEM; the public one is printed')
    .action(async ({ out }: { out: string }) => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
      await writeFile(out, pem, { mode: 0o600, flag: 'wx' })
      tell(publicKey.export({ format: 'jwk' }))
    })
  add('export', 'hand the people of a provider who consent to another operator')
    .requiredOption('--provider <id>')
    .requiredOption('--to <issuer>', 'the other operator')
    .requiredOption('--recipient <file>', 'its public transfer key, JWK')
    .requiredOption('--out <file>')
    .action(
      async ({
        data,
        provider,
        to,
        recipient,
        out,
      }: Where & { provider: string; to: string; recipient: string; out: string }) => {
        const body = { provider, to, recipient: await readJson(recipient) }
        const { file, ...counts } = z
          .object({ file: z.string(), people: z.int(), without: z.int() })
          .parse(await ask({ data }, 'people-export', body))
        await writeFile(out, file, { mode: 0o600 })
        tell(counts)
      },
    )
  add('import', 'take in people from another operator, all or none')
    .argument('<file>')
    .requiredOption('--from <issuer>')
    .requiredOption('--sender <file>', 'its public key, JWK, got by another way than the file')
    .requiredOption('--key <file>', 'the private transfer key, PEM')
    .action(
      async (
        path: string,
        { data, from, sender, key }: Where & { from: string; sender: string; key: string },
      ) =>
        tell(
          await ask({ data }, 'people-import', {
            file: await readFile(path, 'utf8'),
            from,
            sender: await readJson(sender),
            key: await readFile(key, 'utf8'),
          }),
        ),
    )
}

function ask({ data }: Where, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'platform', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
