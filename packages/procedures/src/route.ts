/** The routes of the screens below `/me/procedures`. */
import { Refusal } from '@sekisho/contract'
import { differenceOf } from '@sekisho/contract/japan'
import { membershipsOf } from '@sekisho/mailbox'
import { type Ground, ownProviderId, type Visit } from '@sekisho/platform/room'
import type { Reply } from '@sekisho/runtime/http'
import { z } from 'zod'
import {
  type Case,
  casesOf,
  completeTask,
  joinCase,
  ownerText,
  readCase,
  readDocument,
  returnTask,
  tasksOf,
  withdrawCase,
} from './case.ts'
import { agreementsOf, choicesFor, partiesChosen, partnersThere } from './choose.ts'
import { applyStep, type Definition } from './definition.ts'
import { keepDraft, linesOf, paperText, readDraft } from './draft.ts'
import { type Values, valuesOfForm } from './form.ts'
import { type DoneBy, type Party, type Task, taskId } from './history.ts'
import { agree } from './invitation.ts'
import {
  at,
  caseBody,
  codesBody,
  home,
  listBody,
  partnersBody,
  startBody,
  taskBody,
  type WaitingTask,
} from './page.ts'
import { say } from './screen-words.ts'
import {
  actorOfDraft,
  askApplication,
  askToSign,
  asTables,
  type ScreenWorld,
  takeSigned,
} from './signing.ts'
import { documentsFor, formOf, givenTo } from './view.ts'

const hide = true
const idText = z.string().regex(/^[\w-]{1,64}$/)
const caseParams = z.object({ case: idText })
const taskParams = z.object({ case: idText, task: z.string().regex(/^[a-z-]+:[\w-]+$/) })
const anyForm = z.record(
  z.string().max(64),
  z.union([z.string().max(2000), z.array(z.string().max(200)).max(50)]),
)
/** An answer of a reader with a signed file in it. */
const answerBytesMax = 512 * 1024

/** Adds the routes. */
export function addScreenRoutes(ground: Ground, given: ScreenWorld): void {
  addListRoutes(ground, given)
  addStartRoutes(ground, given)
  addCaseRoutes(ground, given)
  addTaskRoutes(ground, given)
  addPartnerRoutes(ground, given)
}

/** For whom somebody looks and acts at these screens. */
type Seat = {
  /** Themself, and municipalities whose member they are. */
  readonly owners: readonly string[]
  /** Acts that corporations have entrusted to them. */
  readonly acts: ReadonlyMap<string, ReadonlySet<string>>
}

async function seatOf({ world, authority }: ScreenWorld, personId: string): Promise<Seat> {
  const members = await world.tables.read(db => membershipsOf(db, personId))
  return {
    owners: [
      `person ${personId}`,
      ...members.flatMap(({ owner }) => (owner.kind === 'municipality' ? [ownerText(owner)] : [])),
    ],
    acts: await authority.actsOf(personId),
  }
}

/** Whether a party's side is this person's to see: a corporation's only with a mandate for what it does in this procedure. */
function isSeated({ owners, acts }: Seat, definition: Definition, party: Party): boolean {
  if (party.owner.kind !== 'organisation') return owners.includes(ownerText(party.owner))
  const entrusted = acts.get(party.owner.number)
  if (entrusted === undefined) return false
  const needed = definition.steps
    .filter(step => step.role === party.role)
    .map(({ does }) => (does.kind === 'certify' ? does.act : decideAct))
  return entrusted.has('*') || needed.some(act => entrusted.has(act))
}

/** The act by which a clerk decides for a corporation. */
const decideAct = 'procedures.decide'

function addListRoutes({ app, visitors }: Ground, given: ScreenWorld): void {
  const { world, registry } = given
  app.get(home, { schema: { hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { personId, lang } = visit
      const seat = await seatOf(given, personId)
      const owners = [
        ...seat.owners,
        ...[...seat.acts.keys()].map(number => `organisation ${number}`),
      ]
      const { cases, waiting } = await world.tables.read(async db => {
        const ids = await casesOf(db, [`person ${personId}`])
        const open: WaitingTask[] = []
        for (const { caseId, task } of await tasksOf(db, owners)) {
          const found = await readCase(db, world, caseId)
          const one = found.state.tasks.get(task)
          if (one !== undefined && isSeated(seat, found.definition, one.party))
            open.push({ found, task: one })
        }
        return { cases: await Promise.all(ids.map(id => readCase(db, world, id))), waiting: open }
      })
      const body = listBody({ lang, definitions: registry.newest, cases, waiting })
      return visitors.send(visit, body, { title: say[lang].title })
    }),
  )
  app.post(
    `${home}/join`,
    { schema: { body: z.object({ code: z.string().max(64) }), hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const { personId, lang } = visit
        const id = await world.tables.transaction(tx =>
          joinCase(tx, world, { code: request.body.code, personId }),
        )
        return reply.redirect(at(lang, `/${id}`), 303)
      }),
  )
}

function addStartRoutes({ app, visitors }: Ground, given: ScreenWorld): void {
  const { world, registry } = given
  const params = z.object({ id: idText })
  app.get(`${home}/start/:id`, { schema: { params, hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const definition = registry.find(request.params.id)
      const choices = await choicesFor(world, definition, visit.personId)
      const body = startBody({ lang: visit.lang, definition, choices, values: {} })
      return visitors.send(visit, body, { title: definition.title[visit.lang] })
    }),
  )
  app.post(`${home}/start/:id`, { schema: { params, body: anyForm, hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const definition = registry.find(request.params.id)
      const values = valuesOfForm(definition.form, request.body)
      await assertStanding(given, definition, values, visit.personId)
      const { personId } = visit
      const name = String(values['name'] ?? '')
      const chosen = await partiesChosen(world, definition, { personId, name, sent: request.body })
      return askApplication(given, visitors, visit, {
        definition,
        values,
        ...chosen,
        caseId: undefined,
      })
    }),
  )
  app.post(
    `${home}/drafts/:id/signed`,
    { bodyLimit: answerBytesMax, schema: { params, body: z.object({ answer: z.string() }), hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const { id } = request.params
        const { personId, lang } = visit
        // Who may act for a corporation is asked before: nothing is asked of others inside a transaction.
        const waiting = await readDraft(world, { id, personId })
        const actor = await actorOfDraft(given, visit, waiting)
        let done = { caseId: '', codes: [] as (readonly [string, string])[] }
        await visitors.signed(visit, request.body.answer, async (own, signed) => {
          done = await takeSigned(given, asTables(own), { id, signed, actor })
        })
        if (done.codes.length > 0) {
          const body = codesBody(lang, done.caseId, done.codes)
          return visitors.send(visit, body, { title: say[lang].codes })
        }
        return reply.redirect(toldAt(visit, `/${done.caseId}`, 'sent'), 303)
      }),
  )
}

function toldAt({ lang }: Visit, rest: string, told: 'sent' | 'taken'): string {
  return `${home}${rest}?told=${told}${lang === 'en' ? '&lang=en' : ''}`
}

/** Refusal `authority-missing` unless the person stands for the one named. */
async function assertStanding(
  { authority }: ScreenWorld,
  definition: Definition,
  values: Values,
  personId: string,
): Promise<void> {
  const { standing } = definition
  if (standing === undefined) return
  const own = await authority.standingsOf(personId)
  const isProven = own.some(
    each =>
      each.relation === standing.relation &&
      ['same', 'notation'].includes(
        differenceOf(
          { name: each.name, birthdate: each.birthdate },
          {
            name: String(values[standing.name] ?? ''),
            birthdate: String(values[standing.birthdate] ?? ''),
          },
        ).summary,
      ),
  )
  if (!isProven) throw new Refusal('authority-missing', { why: 'no-standing' })
}

/** The party of a case that this person is or acts for. Refusal `procedure-unknown`. */
async function partyOf(
  given: ScreenWorld,
  visit: Visit,
  caseId: string,
): Promise<{ readonly found: Case; readonly party: Party }> {
  const seat = await seatOf(given, visit.personId)
  const found = await given.world.tables.read(db => readCase(db, given.world, caseId))
  const parties = found.state.parties.filter(each => isSeated(seat, found.definition, each))
  // Who is a party themself sees the case as that, also when they act for another one.
  const party = parties.find(each => each.owner.kind === 'person') ?? parties[0]
  if (party === undefined) throw new Refusal('procedure-unknown')
  return { found, party }
}

function addCaseRoutes({ app, visitors }: Ground, given: ScreenWorld): void {
  const { world } = given
  app.get(`${home}/:case`, { schema: { params: caseParams, hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { found, party } = await partyOf(given, visit, request.params.case)
      const { lang } = visit
      const told = /[?&]told=(sent|taken)\b/.exec(request.url)?.[1]
      const body = caseBody({
        lang,
        found,
        party,
        told: told === 'sent' ? say[lang].sent : told === 'taken' ? say[lang].taken : undefined,
        mayAct: true,
      })
      return visitors.send(visit, body, { title: found.definition.title[lang] })
    }),
  )
  const document = z.object({ case: idText, id: idText })
  app.get(`${home}/:case/documents/:id`, { schema: { params: document, hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { found, party } = await partyOf(given, visit, request.params.case)
      const { id } = request.params
      if (!documentsFor(found, party, false).some(each => each.id === id))
        throw new Refusal('procedure-unknown')
      const { mediaType, bytes, name } = await world.tables.read(db =>
        readDocument(db, world, { caseId: found.id, id }),
      )
      return reply
        .type(mediaType)
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`)
        .send(Buffer.from(bytes))
    }),
  )
  app.post(
    `${home}/:case/withdraw`,
    {
      schema: {
        params: caseParams,
        body: z.object({ reason: z.string().trim().min(1).max(500) }),
        hide,
      },
    },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const { found, party } = await partyOf(given, visit, request.params.case)
        if (party.id !== 'applicant') throw new Refusal('procedure-unknown')
        await world.tables.transaction(tx => withdrawCase(tx, world, found.id, request.body.reason))
        return reply.redirect(toldAt(visit, `/${found.id}`, 'taken'), 303)
      }),
  )
  app.post(`${home}/:case/correct`, { schema: { params: caseParams, hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const { found, party } = await partyOf(given, visit, request.params.case)
      const task = taskId(applyStep, 'applicant')
      if (party.id !== 'applicant') throw new Refusal('procedure-unknown')
      await world.tables.transaction(tx =>
        returnTask(tx, world, found.id, { by: party, task, reason: '申請者による訂正' }),
      )
      return reply.redirect(at(visit.lang, `/${found.id}/tasks/${task}`), 303)
    }),
  )
}

/** An open task that this person may do. Refusals `procedure-unknown`, `task-closed`. */
async function taskOf(
  given: ScreenWorld,
  visit: Visit,
  params: { readonly case: string; readonly task: string },
): Promise<{ readonly found: Case; readonly task: Task }> {
  const seat = await seatOf(given, visit.personId)
  const found = await given.world.tables.read(db => readCase(db, given.world, params.case))
  const task = found.state.tasks.get(params.task)
  if (task === undefined || !isSeated(seat, found.definition, task.party))
    throw new Refusal('procedure-unknown')
  if (found.state.ended !== undefined) throw new Refusal('case-ended')
  if (task.state !== 'open') throw new Refusal('task-closed')
  return { found, task }
}

function addTaskRoutes({ app, visitors }: Ground, given: ScreenWorld): void {
  const { world } = given
  const address = `${home}/:case/tasks/:task`
  app.get(address, { schema: { params: taskParams, hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { found, task } = await taskOf(given, visit, request.params)
      const body = taskBody({ lang: visit.lang, found, task })
      return visitors.send(visit, body, { title: task.step.title[visit.lang] })
    }),
  )
  app.post(address, { schema: { params: taskParams, body: anyForm, hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const { found, task } = await taskOf(given, visit, request.params)
      return doTask(given, visitors, visit, { found, task, sent: request.body })
    }),
  )
  const returned = z.object({ task: z.string().max(64), reason: z.string().trim().min(1).max(500) })
  app.post(
    `${address}/return`,
    { schema: { params: taskParams, body: returned, hide } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const { found, task } = await taskOf(given, visit, request.params)
        await deciderOf(given, visit, task)
        await world.tables.transaction(tx =>
          returnTask(tx, world, found.id, { by: task.party, ...request.body }),
        )
        return reply.redirect(toldAt(visit, `/${found.id}`, 'taken'), 303)
      }),
  )
}

/** Who decides without signing: a clerk of a corporation by mandate, of a municipality by membership. */
async function deciderOf(
  { world, authority }: ScreenWorld,
  { personId }: Visit,
  task: Task,
): Promise<DoneBy> {
  const { owner, name } = task.party
  if (owner.kind === 'organisation')
    return authority.demand({
      personId,
      corporation: owner.number,
      act: decideAct,
      yen: undefined,
      counterparty: ownProviderId,
    })
  if (owner.kind === 'municipality') {
    const members = await world.tables.read(db => membershipsOf(db, personId))
    const isClerk = members.some(
      each =>
        each.role === 'clerk' &&
        each.owner.kind === 'municipality' &&
        each.owner.code === owner.code,
    )
    if (!isClerk) throw new Refusal('authority-missing', { why: 'no-clerk' })
  }
  return { name }
}

async function doTask(
  given: ScreenWorld,
  visitors: Ground['visitors'],
  visit: Visit,
  {
    found,
    task,
    sent,
  }: {
    readonly found: Case
    readonly task: Task
    readonly sent: Readonly<Record<string, unknown>>
  },
): Promise<Reply> {
  const { world } = given
  const { definition } = found
  const { does } = task.step
  const form = formOf(found, task.step)
  if (form === undefined) throw new Refusal('procedure-unknown')
  const values = valuesOfForm(form, sent)
  if (does.kind === 'apply') {
    await assertStanding(given, definition, values, visit.personId)
    const { parties } = found.state
    return askApplication(given, visitors, visit, {
      definition,
      values,
      parties,
      codes: {},
      caseId: found.id,
    })
  }
  if (does.kind === 'decide') {
    const outcome = typeof sent['outcome'] === 'string' ? sent['outcome'] : ''
    if (!does.outcomes.some(each => each.id === outcome))
      throw new Refusal('request-malformed', { fields: 'outcome' })
    const by = await deciderOf(given, visit, task)
    await world.tables.transaction(tx =>
      completeTask(tx, world, found.id, { task: task.id, by, values, outcome, documents: [] }),
    )
    return visit.reply.redirect(toldAt(visit, `/${found.id}`, 'taken'), 303)
  }
  const draft = {
    definition: definition.id,
    version: definition.version,
    caseId: found.id,
    task: task.id,
    values,
    parties: [],
    codes: {},
  }
  const actor = await actorOfDraft(given, visit, { ...draft, text: '' })
  const signer =
    actor === undefined
      ? []
      : [actor.corporation, actor.unit, actor.title, actor.name].filter(each => each !== undefined)
  const title = does.document.ja
  const { id, text } = await keepDraft(world, visit.personId, draft, own =>
    paperText(
      {
        title,
        procedure: definition.title.ja,
        about: linesOf(definition.form, givenTo(found, task.party)),
        form,
        values,
        signer: signer.length === 0 ? [] : [`発行者: ${signer.join(' ')}`],
      },
      own,
    ),
  )
  return askToSign(visitors, visit, { id, text, title })
}

function addPartnerRoutes({ app, visitors }: Ground, given: ScreenWorld): void {
  const { world } = given
  app.get(`${home}/partners`, { schema: { hide } }, (request, reply) =>
    visitors.show(request, reply, home, async visit => {
      const { personId, lang } = visit
      const agreed = await agreementsOf(world, personId)
      const partners = (await partnersThere(world)).map(({ id, name }) => ({
        id,
        name,
        isAgreed: agreed.includes(id),
      }))
      return visitors.send(visit, partnersBody(lang, partners), { title: say[lang].partners })
    }),
  )
  const body = z.object({ provider: z.string().max(64), agreed: z.enum(['yes', 'no']) })
  app.post(`${home}/partners`, { schema: { body, hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const { provider, agreed } = request.body
      const there = await partnersThere(world)
      if (!there.some(each => each.id === provider)) throw new Refusal('provider-unknown')
      await world.tables.transaction(tx =>
        agree(tx, world, {
          personId: visit.personId,
          providerId: provider,
          isAgreed: agreed === 'yes',
        }),
      )
      return reply.redirect(at(visit.lang, '/partners'), 303)
    }),
  )
}
