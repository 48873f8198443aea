/** The interface for parties' own systems: tasks that wait, what to know for them, and answers. */
import {
  procedureAnswer,
  procedureDocument,
  type ProcedureTask,
  procedureTask,
  procedureTasks,
  Refusal,
} from '@sekisho/contract'
import { type ListedBox, ownersOfProvider } from '@sekisho/mailbox'
import type { Authority } from '@sekisho/mandates'
import { type Ground, knownSubject, type Provider } from '@sekisho/platform/room'
import { z } from 'zod'
import {
  applicantOf,
  type Case,
  type CaseWorld,
  completeTask,
  type Deed,
  ownerText,
  readCase,
  readDocument,
  returnTask,
  tasksOf,
} from './case.ts'
import { checkValues, schemaOf } from './form.ts'
import type { Party, Task } from './history.ts'
import { documentsFor, formOf, givenTo, shownDocuments, tasksFor } from './view.ts'

/** What the interface works with. */
export type ApiWorld = { readonly world: CaseWorld; readonly authority: Authority }

/** Bodies for the description of the interface. */
export const procedureExamples = {
  'POST /v1/procedure-tasks/{case}/{task}': { outcome: 'updated', values: {} },
}

/** A signed paper in base64, and the rest. */
const answerBytesMax = 3 * 1024 * 1024

/** Adds the routes (scope `procedure`). */
export function addProcedureApi(ground: Ground, given: ApiWorld): void {
  const { app } = ground
  const { world } = given
  const tags = ['provider']
  const params = z.object({ case: z.string().max(64), task: z.string().max(64) })
  app.get(
    '/v1/procedure-tasks',
    { schema: { tags, response: { 200: procedureTasks } } },
    async request => {
      const provider = await ground.authorise(request, 'procedure')
      const tasks = await world.tables.read(async db => {
        const owners = await ownersOfProvider(db, provider.id)
        const waiting = await tasksOf(db, owners.map(textOf))
        const found: ProcedureTask[] = []
        for (const { caseId, task } of waiting) {
          const one = await readCase(db, world, caseId)
          const open = one.state.tasks.get(task)
          if (open !== undefined) found.push(await described(given, provider, one, open))
        }
        return found
      })
      return { tasks }
    },
  )
  app.get(
    '/v1/procedure-tasks/:case/:task',
    { schema: { tags, params, response: { 200: procedureTask } } },
    async request => {
      const provider = await ground.authorise(request, 'procedure')
      const { found, task } = await ownTask(world, provider, request.params)
      return described(given, provider, found, task)
    },
  )
  app.post(
    '/v1/procedure-tasks/:case/:task',
    {
      bodyLimit: answerBytesMax,
      schema: {
        tags,
        params,
        body: procedureAnswer,
        response: { 200: z.strictObject({ state: z.literal('taken') }) },
      },
    },
    async request => {
      const provider = await ground.authorise(request, 'procedure')
      const { found, task } = await ownTask(world, provider, request.params)
      await answer(given, provider, { found, task, body: request.body })
      return { state: 'taken' as const }
    },
  )
  const one = z.object({ case: z.string().max(64), id: z.string().max(64) })
  app.get(
    '/v1/procedure-cases/:case/documents/:id',
    { schema: { tags, params: one, response: { 200: procedureDocument } } },
    async request => {
      const provider = await ground.authorise(request, 'procedure')
      const { case: caseId, id } = request.params
      return world.tables.read(async db => {
        const { found, party } = await ownCase(world, provider, caseId)
        const { sekisho_signature_verifier: isVerifier } = provider.metadata
        if (!documentsFor(found, party, isVerifier).some(each => each.id === id))
          throw new Refusal('procedure-unknown')
        const { name, mediaType, bytes } = await readDocument(db, world, { caseId, id })
        return { name, mediaType, content: Buffer.from(bytes).toString('base64') }
      })
    },
  )
}

function textOf(owner: ListedBox['owner']): string {
  if (owner.kind === 'system') throw new Error('a system has no tasks')
  return ownerText(owner)
}

async function ownCase(
  world: CaseWorld,
  provider: Provider,
  caseId: string,
): Promise<{ readonly found: Case; readonly party: Party }> {
  return world.tables.read(async db => {
    const owners = (await ownersOfProvider(db, provider.id)).map(textOf)
    const found = await readCase(db, world, caseId)
    const party = found.state.parties.find(each => owners.includes(ownerText(each.owner)))
    if (party === undefined) throw new Refusal('procedure-unknown')
    return { found, party }
  })
}

async function ownTask(
  world: CaseWorld,
  provider: Provider,
  given: { readonly case: string; readonly task: string },
): Promise<{ readonly found: Case; readonly task: Task }> {
  const { found } = await ownCase(world, provider, given.case)
  const task = found.state.tasks.get(given.task)
  const owners = await world.tables.read(db => ownersOfProvider(db, provider.id))
  if (task === undefined || !owners.map(textOf).includes(ownerText(task.party.owner)))
    throw new Refusal('procedure-unknown')
  return { found, task }
}

async function answer(
  { world, authority }: ApiWorld,
  provider: Provider,
  given: {
    readonly found: Case
    readonly task: Task
    readonly body: z.output<typeof procedureAnswer>
  },
): Promise<void> {
  const { found, task, body } = given
  if ('returns' in body) {
    const { returns } = body
    await world.tables.transaction(tx =>
      returnTask(tx, world, found.id, { by: task.party, ...returns }),
    )
    return
  }
  const { does } = task.step
  const form = formOf(found, task.step)
  if (does.kind === 'apply' || does.kind === 'sign' || form === undefined)
    throw new Refusal('procedure-unknown')
  // A task that is closed is told so before anything else is asked of the caller.
  if (task.state !== 'open') throw new Refusal('task-closed')
  const values = checkValues(form, body.values ?? {})
  let deed: Omit<Deed, 'task'> = {
    by: { name: task.party.name },
    values,
    outcome: null,
    documents: [],
  }
  if (does.kind === 'decide') {
    if (!does.outcomes.some(each => each.id === body.outcome))
      throw new Refusal('request-malformed', { fields: 'outcome' })
    deed = { ...deed, outcome: body.outcome ?? null }
  } else
    deed = { ...deed, ...(await certified(authority, provider, { task, body, act: does.act })) }
  await world.tables.transaction(tx =>
    completeTask(tx, world, found.id, { ...deed, task: task.id }),
  )
}

async function certified(
  authority: Authority,
  provider: Provider,
  given: {
    readonly task: Task
    readonly body: Exclude<z.output<typeof procedureAnswer>, { returns: unknown }>
    readonly act: string
  },
): Promise<Pick<Deed, 'by' | 'documents'>> {
  const { task, body, act } = given
  const { owner } = task.party
  const { document } = body
  if (document === undefined) throw new Refusal('request-malformed', { fields: 'document' })
  if (owner.kind !== 'organisation')
    throw new Refusal('document-unproven', { why: 'no-corporation' })
  const { verdict, actor, findings } = await authority.check(provider, {
    kind: document.kind,
    file: document.file,
    corporation: owner.number,
    act,
  })
  if (verdict !== 'authorised' || actor === undefined)
    throw new Refusal('document-unproven', { why: findings.at(-1)?.code ?? '' })
  const { name, corporation, unit, title } = actor
  return {
    by: {
      name,
      corporation,
      authority: actor.authority,
      ...(unit === undefined ? {} : { unit }),
      ...(title === undefined ? {} : { title }),
    },
    documents: [
      {
        name: document.name,
        mediaType: mediaTypes[document.kind],
        bytes: new Uint8Array(Buffer.from(document.file, 'base64')),
      },
    ],
  }
}

const mediaTypes = {
  cms: 'application/pkcs7-mime',
  pdf: 'application/pdf',
  xml: 'application/xml',
  jws: 'application/jose',
  asice: 'application/vnd.etsi.asic-e+zip',
} as const

async function described(
  { world }: ApiWorld,
  provider: Provider,
  found: Case,
  task: Task,
): Promise<ProcedureTask> {
  const { definition } = found
  const { sekisho_signature_verifier: isVerifier } = provider.metadata
  const { does } = task.step
  const form = formOf(found, task.step)
  const personId = applicantOf(found)
  const subject =
    personId === undefined
      ? undefined
      : await world.store.read(db => knownSubject(db, { providerId: provider.id, personId }))
  const application = found.state.tasks.get('apply:applicant')
  const given = givenTo(found, task.party)
  return {
    case: found.id,
    task: task.id,
    procedure: { id: definition.id, version: definition.version, title: definition.title },
    title: task.step.title,
    subject: subject ?? null,
    openedAt: iso(task.openedAt),
    deadline: task.deadline === null ? null : iso(task.deadline),
    isLate: task.isLate,
    returned: task.returned ?? null,
    given: { ...given },
    proven: (application?.done?.proven ?? []).filter(field => Object.hasOwn(given, field)),
    form: form === undefined ? null : { ...schemaOf(form) },
    act: does.kind === 'certify' ? does.act : null,
    outcomes: does.kind === 'decide' ? does.outcomes.map(({ id, title }) => ({ id, title })) : [],
    others: tasksFor(found, task.party)
      .filter(each => each.task.id !== task.id)
      .map(({ task: other, content }) => ({
        task: other.id,
        title: other.step.title,
        party: other.party.name,
        state: other.state,
        doneAt: other.done === undefined ? null : iso(other.done.at),
        ...(other.done === undefined || content === undefined
          ? {}
          : { by: plain(other.done.by), values: { ...content.values } }),
        documents: shownDocuments({ content }, isVerifier).map(
          ({ id, name, mediaType, sha256 }) => ({ id, name, mediaType, sha256 }),
        ),
      })),
  }
}

function plain(by: NonNullable<Task['done']>['by']) {
  const { name, corporation, unit, title, authority } = by
  return {
    name,
    ...(corporation === undefined ? {} : { corporation }),
    ...(unit === undefined ? {} : { unit }),
    ...(title === undefined ? {} : { title }),
    ...(authority === undefined ? {} : { authority }),
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
