/** The loading service's operations as commands of the admin socket. Bytes are base64. */
import { Refusal } from '@sekisho/contract'
import { publicKeyOfJwk } from '@sekisho/runtime/keys'
import { z } from 'zod'
import { publishFeedsDue } from './feed.ts'
import { registerOperator, withdrawOperator } from './operator.ts'
import { contractedApplications, registerApplication, registerOwner } from './owner.ts'
import { recordAudit, reportOf, reportPage } from './report.ts'
import { registerTerminal, withdrawTerminal } from './terminal.ts'
import type { LoadingWorld } from './world.ts'

const text = z.string().trim().min(1).max(200)
const id = z.string().regex(/^[a-z0-9][a-z0-9-]{1,31}$/)
const number = z.string().regex(/^[A-Za-z0-9]{1,8}$/)
const type = z.enum(['A', 'C', 'D'])
const year = z.int().min(2000).max(9999)

const owner = z.strictObject({
  id,
  name: text,
  kind: z.enum(['ordinance', 'private']),
  basis: text,
  types: z.array(type).min(1),
  until: z.string().regex(/^\d{8}$/),
  keyId: z.string().min(8).max(100),
  publicKey: z.record(z.string(), z.unknown()),
})
const application = z.strictObject({
  owner: id,
  name: text,
  aid: z.string().regex(/^(?:[0-9A-F]{2}){5,16}$/),
  type,
  hasPin: z.boolean(),
  files: z
    .array(z.strictObject({ id: z.int(), bytes: z.int(), count: z.int() }))
    .min(1)
    .max(8),
  masterKey: z.base64(),
})
const terminal = z.strictObject({ number, place: text, administrator: text })
const audit = z.strictObject({
  owner: id,
  year,
  result: z.enum(['satisfied', 'findings']),
  text: z.string().trim().max(2000).default(''),
})
const report = z.strictObject({ year, lang: z.enum(['ja', 'en']).default('ja') })

/** Commands by name. */
export function loadingCommands(world: LoadingWorld) {
  return {
    'loading-owner': async (body: unknown) => {
      const { publicKey, ...rest } = parse(owner, body)
      await registerOwner(world, { ...rest, publicKey: publicKeyOfJwk(publicKey) })
      return {}
    },
    'loading-application': async (body: unknown) => {
      const { aid, type: kind, hasPin, files, masterKey, ...rest } = parse(application, body)
      const key = new Uint8Array(Buffer.from(masterKey, 'base64'))
      const plan = { aid, type: kind, hasPin, files }
      await registerApplication(world, { ...rest, plan, masterKey: key })
      return {}
    },
    'loading-applications': async () =>
      (await contractedApplications(world)).map(({ plan, name, owner: of }) => ({
        ...plan,
        name,
        owner: of,
      })),
    'loading-terminal': async (body: unknown) => registerTerminal(world, parse(terminal, body)),
    'loading-terminal-withdraw': async (body: unknown) => {
      await withdrawTerminal(world, parse(z.strictObject({ number }), body).number)
      return {}
    },
    'loading-operator': async (body: unknown) =>
      registerOperator(world, parse(z.strictObject({ id, name: text }), body)),
    'loading-operator-withdraw': async (body: unknown) => {
      await withdrawOperator(world, parse(z.strictObject({ id }), body).id)
      return {}
    },
    'loading-log': async () => ({ events: await readLog(world) }),
    'loading-feeds': async () => ({ feeds: await publishFeedsDue(world) }),
    'loading-audit': async (body: unknown) => {
      await recordAudit(world, parse(audit, body))
      return {}
    },
    'loading-report': async (body: unknown) => reportOf(world, parse(report, body).year),
    'loading-report-page': async (body: unknown) => {
      const { year: of, lang } = parse(report, body)
      return { html: reportPage(await reportOf(world, of), lang) }
    },
  }
}

/** The newest entries of what happened. */
async function readLog(world: LoadingWorld) {
  const rows = await world.store.read(db =>
    db
      .selectFrom('loading_event')
      .selectAll()
      .orderBy('position', 'desc')
      .limit(eventsMax)
      .execute(),
  )
  return rows.map(({ kind, at, terminal: where, operator, aid, refusal }) => ({
    kind,
    at: new Date(at).toISOString(),
    terminal: where,
    operator,
    aid,
    refusal,
  }))
}

const eventsMax = 1000

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw new Refusal('request-malformed')
  return parsed.data
}
