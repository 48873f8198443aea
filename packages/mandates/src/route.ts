/** The routes of mandates: statements that carry their own proof, the checker for providers, and the screens below `/me/mandates`. */
import {
  authorityCheckAnswer,
  authorityCheckRequest,
  mandateOffered,
  Refusal,
} from '@sekisho/contract'
import { startOfDayInJapan } from '@sekisho/contract/japan'
import type { Ground, Visit } from '@sekisho/platform/room'
import type { App, Reply } from '@sekisho/runtime/http'
import type { Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import { checkAuthority, type CheckWorld } from './check.ts'
import { takeGrant, takeRevocation } from './grant.ts'
import {
  acceptMandate,
  endMandate,
  findMandate,
  mandatesFor,
  mandatesOf,
  offerOfCode,
  type Tables,
} from './mandate.ts'
import {
  acceptanceText,
  actsText,
  at,
  codeBody,
  dayText,
  doneThings,
  home,
  listBody,
  mandateBody,
  newBody,
  principalText,
} from './page.ts'
import {
  assertDelegable,
  type Delegation,
  delegationDocument,
  offerSigned,
  offerStanding,
} from './person-statement.ts'
import { sha256Of, statementBytesMax } from './statement.ts'
import type { Mandate } from './table.ts'
import { words } from './word.ts'

/** Adds `POST /mandates`, `POST /mandates/revocations`, `POST /v1/authority-checks` and the screens. */
export async function addMandateRoutes(ground: Ground, world: CheckWorld): Promise<void> {
  const { app } = ground
  app.post(
    '/v1/authority-checks',
    {
      bodyLimit: checkBytesMax,
      schema: {
        tags: ['provider'],
        body: authorityCheckRequest,
        response: { 200: authorityCheckAnswer },
      },
    },
    async request =>
      checkAuthority(world, await ground.authorise(request, 'mandate'), request.body),
  )
  await addStatementRoutes(app, world)
  addListRoutes(ground, world)
  addAcceptRoutes(ground, world)
  addNewRoutes(ground, world)
  addStandingRoutes(ground, world)
}

/** A document of a megabyte or two, its content and a mandate, in base64. */
const checkBytesMax = 12 * 1024 * 1024

/** Statements judged at a time: anybody may send them, and providers' files are judged by the same threads. */
const statementsAtOnce = 4

// Statements are taken as bytes; who sends them does not matter, who has signed them does.
async function addStatementRoutes(app: App, world: CheckWorld): Promise<void> {
  await app.register(async given => {
    const scope = given as App
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/pkcs7-mime',
      { parseAs: 'buffer', bodyLimit: statementBytesMax },
      (_request, body, done) => done(null, body),
    )
    const bytesOf = (body: unknown): Uint8Array =>
      body instanceof Uint8Array ? body : new Uint8Array()
    let inProgress = 0
    const taken = async <T>(work: () => Promise<T>): Promise<T> => {
      if (inProgress >= statementsAtOnce) throw new Refusal('node-overloaded')
      inProgress++
      try {
        return await work()
      } finally {
        inProgress--
      }
    }
    const tags = ['mandates']
    scope.post(
      '/mandates',
      { schema: { tags, response: { 201: mandateOffered } } },
      async (request, reply) =>
        reply.code(201).send(await taken(() => takeGrant(world, bytesOf(request.body)))),
    )
    const ended = z.strictObject({ ended: z.int() })
    scope.post(
      '/mandates/revocations',
      { schema: { tags, response: { 200: ended } } },
      async request => taken(() => takeRevocation(world, bytesOf(request.body))),
    )
  })
}

const hide = true
const idParams = z.object({ id: z.string().regex(/^[\w-]{1,64}$/) })

function addListRoutes({ app, visitors }: Ground, world: CheckWorld): void {
  app.get(home, { schema: { hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { personId, lang } = visit
      const [mine, given] = await world.store.read(async db => [
        await mandatesOf(db, world, personId),
        await mandatesFor(db, world, `person ${personId}`),
      ])
      const told = doneThings.find(thing => request.url.includes(`told=${thing}`))
      const body = listBody({ lang, mine, given, at: world.clock.now(), told })
      return visitors.send(visit, body, { title: words[lang].title })
    }),
  )
  app.get(`${home}/:id`, { schema: { params: idParams, hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const mandate = await ownMandate(world, visit, request.params.id)
      const { lang, personId } = visit
      const body = mandateBody({ lang, mandate, personId, at: world.clock.now() })
      return visitors.send(visit, body, { title: principalText(mandate) })
    }),
  )
  app.get(`${home}/:id/record`, { schema: { params: idParams, hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { row } = await ownMandate(world, visit, request.params.id)
      if (row.record === null) throw new Refusal('not-found')
      return reply
        .type('application/jose')
        .header('cache-control', 'no-store')
        .header('content-disposition', 'attachment; filename="mandate.jws"')
        .send(row.record)
    }),
  )
  app.post(`${home}/:id/end`, { schema: { params: idParams, hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const { row } = await ownMandate(world, visit, request.params.id)
      const cause = row.delegate_id === visit.personId ? 'renounced' : 'revoked'
      await world.store.transaction(tx =>
        endMandate(tx, world, row.id, { cause, at: world.clock.now() }),
      )
      return back(visit, 'ended')
    }),
  )
}

/** A mandate of which this person is a side. Refusal `mandate-unknown`. */
async function ownMandate(world: CheckWorld, visit: Visit, id: string): Promise<Mandate> {
  const mandate = await world.store.read(db => findMandate(db, world, id))
  const { delegate_id: delegate, mandator } = mandate.row
  if (delegate !== visit.personId && mandator !== `person ${visit.personId}`)
    throw new Refusal('mandate-unknown')
  return mandate
}

function addAcceptRoutes({ app, visitors }: Ground, world: CheckWorld): void {
  app.post(
    `${home}/offer`,
    { schema: { body: z.object({ code: z.string().max(64) }), hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const mandate = await world.store.read(db => offerOfCode(db, world, request.body.code))
        return askAcceptance(visitors, visit, mandate)
      }),
  )
  app.post(
    `${home}/:id/accept`,
    { bodyLimit: answerBytesMax, schema: { params: idParams, body: answerBody, hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const { id } = request.params
        await visitors.signed(visit, request.body.answer, async (tx, signed) => {
          // What was signed must be the acceptance of this mandate.
          const { row, parties } = await findMandate(asMandates(tx), world, id)
          const texts = (['ja', 'en'] as const).map(lang =>
            sha256Of(new TextEncoder().encode(acceptanceText({ row, parties }, lang))),
          )
          if (!texts.includes(signed.documentSha256)) throw new Refusal('challenge-unknown')
          await acceptMandate(asMandates(tx), world, id, signed)
        })
        return back(visit, 'accepted')
      }),
  )
}

function askAcceptance(
  visitors: Ground['visitors'],
  visit: Visit,
  mandate: Mandate,
): Promise<Reply> {
  const { lang } = visit
  return visitors.askToSign(visit, {
    title: words[lang].acceptTitle,
    mediaType: 'text/plain',
    format: 'cades',
    document: new TextEncoder().encode(acceptanceText(mandate, lang)),
    key: `mandate-${mandate.row.id}-${lang}`,
    action: at(lang, `/${mandate.row.id}/accept`),
    lead: words[lang].acceptLead,
    back: at(lang),
  })
}

/** An answer of a reader with a signed file in it. */
const answerBytesMax = 256 * 1024
const answerBody = z.object({ answer: z.string() })

function addNewRoutes({ app, visitors }: Ground, world: CheckWorld): void {
  const query = z.object({ from: z.string().max(64).optional(), lang: z.string().optional() })
  app.get(`${home}/new`, { schema: { querystring: query, hide } }, (request, reply) =>
    visitors.show(request, reply, home, visit => showNew(visit, request.query.from, false)),
  )
  const showNew = async (
    visit: Visit,
    from: string | undefined,
    wanting: boolean,
  ): Promise<Reply> => {
    const mandate = from === undefined ? undefined : await ownMandate(world, visit, from)
    const { lang } = visit
    const title = mandate === undefined ? words[lang].helper : words[lang].toDelegate
    return visitors.send(visit, newBody({ lang, from: mandate, wanting }), { title })
  }
  const body = z.object({
    from: z.string().max(64).optional(),
    name: z.string().trim().min(1).max(64),
    address: z.string().trim().min(1).max(256),
    act: z.union([z.string(), z.array(z.string())]).optional(),
    until: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
  })
  app.post(`${home}/new`, { schema: { body, hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const { from, act } = request.body
      const chosen = typeof act === 'string' ? [act] : (act ?? [])
      if (chosen.length === 0) return showNew(visit, from, true)
      const parent = from === undefined ? undefined : await ownMandate(world, visit, from)
      const given = delegationOf(world, visit, request.body, { chosen, parent })
      await assertDelegable(world, visit.personId, given)
      const { lang } = visit
      return visitors.askToSign(visit, {
        title: words[lang].signTitle,
        mediaType: 'application/json',
        format: 'cades',
        document: delegationDocument(given),
        key: `delegation-${world.random.token(128)}`,
        action: at(lang, '/new/signed'),
        lead: words[lang].signLead,
        back: at(lang),
      })
    }),
  )
  app.post(
    `${home}/new/signed`,
    { bodyLimit: answerBytesMax, schema: { body: answerBody, hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        let code: string | undefined
        await visitors.signed(visit, request.body.answer, async (tx, signed) => {
          ;({ code } = await offerSigned(asMandates(tx), world, signed))
        })
        if (code === undefined) return back(visit, undefined)
        return visitors.send(visit, codeBody(visit.lang, code), {
          title: words[visit.lang].codeTitle,
        })
      }),
  )
}

function addStandingRoutes({ app, visitors }: Ground, world: CheckWorld): void {
  const document = z
    .string()
    .transform(text => text.replaceAll(/\s/g, ''))
    .pipe(z.base64().max(statementBytesMax * 2))
  app.post(
    `${home}/standing`,
    { schema: { body: z.object({ document }), hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const cms = new Uint8Array(Buffer.from(request.body.document, 'base64'))
        const id = await offerStanding(world, visit.personId, cms)
        const mandate = await world.store.read(db => findMandate(db, world, id))
        if (mandate.row.state === 'offered') return askAcceptance(visitors, visit, mandate)
        if (mandate.row.delegate_id !== visit.personId) throw new Refusal('delegate-mismatch')
        return visit.reply.redirect(at(visit.lang, `/${id}`), 303)
      }),
  )
}

function delegationOf(
  world: CheckWorld,
  { lang }: Visit,
  form: { readonly name: string; readonly address: string; readonly until: string },
  given: { readonly chosen: readonly string[]; readonly parent: Mandate | undefined },
): Delegation {
  const { parent, chosen } = given
  const say = words[lang]
  const offered =
    parent?.row.terms.acts ?? Object.entries(say.helperActs).map(([code, text]) => ({ code, text }))
  const acts = offered.filter(act => chosen.includes(act.code)).map(act => ({ ...act }))
  const [year = 0, month = 0, day = 0] = form.until.split('-').map(Number)
  // The whole day named still counts.
  const end = startOfDayInJapan({ year, month, day: day + 1 })
  const terms = {
    acts,
    from: new Date(
      Math.max(world.clock.now(), Date.parse(parent?.row.terms.from ?? '1970-01-01T00:00:00Z')),
    ).toISOString(),
    until: new Date(
      Math.min(end, Date.parse(parent?.row.terms.until ?? '9999-01-01T00:00:00Z')),
    ).toISOString(),
    subdelegations: 0,
  }
  const one = { name: form.name, acts: actsText(terms), until: dayText(end - 1, lang) }
  return {
    kind: parent === undefined ? 'helper' : 'sub-delegation',
    sentence:
      parent === undefined
        ? say.sentence(one)
        : say.handedOn({ ...one, company: principalText(parent) }),
    mandate: parent?.row.id ?? null,
    delegate: { name: form.name, address: form.address },
    terms,
  }
}

function back({ lang, reply }: Visit, told: (typeof doneThings)[number] | undefined): Reply {
  const query = new URLSearchParams({
    ...(told === undefined ? {} : { told }),
    ...(lang === 'en' ? { lang: 'en' } : {}),
  }).toString()
  return reply.redirect(query === '' ? home : `${home}?${query}`, 303)
}

/** A transaction of the platform reaches these tables too: they lie in the same schema. */
function asMandates(tx: unknown): Transaction<Tables> {
  return tx as Transaction<Tables>
}
