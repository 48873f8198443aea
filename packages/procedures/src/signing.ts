/** What people sign in procedures: drafts shown to the card, and what comes of the signature. */
import { differenceOf } from '@sekisho/contract/japan'
import type { ActsFor, Authority } from '@sekisho/mandates'
import {
  claimsOf,
  type Ground,
  ownProviderId,
  type SignedHere,
  type Visit,
} from '@sekisho/platform/room'
import type { Reply } from '@sekisho/runtime/http'
import type { Transaction } from '@sekisho/runtime/store'
import {
  beginCase,
  type CaseWorld,
  completeTask,
  type DocumentToKeep,
  readCase,
  type Tables,
} from './case.ts'
import { applyStep, type Definition } from './definition.ts'
import { applicationText, type Draft, keepDraft, takeDraft } from './draft.ts'
import type { Values } from './form.ts'
import { type DoneBy, type Party, taskId } from './history.ts'
import { at } from './page.ts'
import type { Registry } from './registry.ts'
import { say } from './screen-words.ts'

/** What the screens work with. */
export type ScreenWorld = {
  readonly world: CaseWorld
  readonly authority: Authority
  readonly registry: Registry
}

/** A transaction of the platform reaches these tables too: they lie in the same schema. */
export function asTables(tx: unknown): Transaction<Tables> {
  return tx as Transaction<Tables>
}

export async function askApplication(
  { world }: ScreenWorld,
  visitors: Ground['visitors'],
  visit: Visit,
  given: {
    readonly definition: Definition
    readonly values: Values
    readonly parties: readonly Party[]
    readonly codes: Readonly<Record<string, string>>
    readonly caseId: string | undefined
  },
): Promise<Reply> {
  const { definition, values, parties, codes, caseId } = given
  const { id: name, version } = definition
  const draft = {
    definition: name,
    version,
    caseId,
    task: taskId(applyStep, 'applicant'),
    values,
    parties,
    codes,
  }
  const { id, text } = await keepDraft(world, visit.personId, draft, own =>
    applicationText(definition, values, parties, own),
  )
  return askToSign(visitors, visit, { id, text, title: definition.title.ja })
}

export function askToSign(
  visitors: Ground['visitors'],
  visit: Visit,
  draft: { readonly id: string; readonly text: string; readonly title: string },
): Promise<Reply> {
  const { lang } = visit
  return visitors.askToSign(visit, {
    title: draft.title,
    mediaType: 'text/plain',
    format: 'cades',
    document: new TextEncoder().encode(draft.text),
    key: `procedure-${draft.id}`,
    action: at(lang, `/drafts/${draft.id}/signed`),
    lead: say[lang].signLead,
    back: at(lang),
  })
}

/** Who signs a draft, where that is more than the person: a clerk for a corporation. */
export async function actorOfDraft(
  { world, authority, registry }: ScreenWorld,
  { personId }: Visit,
  draft: Draft,
): Promise<ActsFor | undefined> {
  if (draft.caseId === undefined) return undefined
  const { caseId } = draft
  const found = await world.tables.read(db => readCase(db, world, caseId))
  const task = found.state.tasks.get(draft.task)
  const step = registry
    .find(draft.definition, draft.version)
    .steps.find(each => each.id === draft.task.split(':')[0])
  if (step?.does.kind !== 'certify' || task?.party.owner.kind !== 'organisation') return undefined
  return authority.demand({
    personId,
    corporation: task.party.owner.number,
    act: step.does.act,
    yen: undefined,
    counterparty: ownProviderId,
  })
}

export async function takeSigned(
  { world, registry }: ScreenWorld,
  tx: Transaction<Tables>,
  given: { readonly id: string; readonly signed: SignedHere; readonly actor: ActsFor | undefined },
): Promise<{ caseId: string; codes: (readonly [string, string])[] }> {
  const { signed, actor } = given
  const { personId, documentSha256 } = signed
  const draft = await takeDraft(tx, world, { id: given.id, personId, documentSha256 })
  const definition = registry.find(draft.definition, draft.version)
  const step = definition.steps.find(each => each.id === draft.task.split(':')[0])
  const title =
    step?.does.kind === 'certify' || step?.does.kind === 'sign'
      ? step.does.document.ja
      : definition.title.ja
  const by: DoneBy = actor ?? { name: signed.attributes.name }
  const deed = {
    by,
    values: draft.values,
    outcome: null,
    documents: papersOf(title, signed),
    proven: step?.id === applyStep ? provenBy(definition, draft.values, signed) : [],
  }
  if (draft.caseId !== undefined) {
    await completeTask(tx, world, draft.caseId, { ...deed, task: draft.task })
    return { caseId: draft.caseId, codes: [] }
  }
  const caseId = await beginCase(tx, world, {
    definition,
    parties: draft.parties,
    deed,
    documentSha256,
    personId,
    requestKey: given.id,
  })
  const codes = Object.entries(draft.codes).map(
    ([party, code]) =>
      [draft.parties.find(each => each.id === party)?.name ?? party, code] as const,
  )
  return { caseId, codes }
}

/** What is kept of a signature: the text and the receipt for everybody concerned, the container for registered verifiers. */
function papersOf(title: string, signed: SignedHere): readonly DocumentToKeep[] {
  return [
    { name: `${title}.txt`, mediaType: 'text/plain', bytes: signed.document },
    {
      name: `${title}.receipt.jws`,
      mediaType: 'application/jose',
      bytes: new TextEncoder().encode(signed.receipt),
    },
    ...(signed.file === undefined
      ? []
      : [
          {
            name: `${title}.p7m`,
            mediaType: 'application/pkcs7-mime',
            bytes: signed.file,
            isContainer: true,
          } as const,
        ]),
  ]
}

/** Fields that the certificate says too. */
function provenBy(
  definition: Definition,
  values: Values,
  { attributes }: SignedHere,
): readonly string[] {
  const { name, address } = definition.proven ?? {}
  const claims = claimsOf(attributes, ['name', 'address'])
  const isSame = (given: Parameters<typeof differenceOf>[0]): boolean =>
    ['same', 'notation'].includes(differenceOf(given, claims).summary)
  return [
    ...(name !== undefined && isSame({ name: String(values[name] ?? '') }) ? [name] : []),
    ...(address !== undefined && isSame({ address: { formatted: String(values[address] ?? '') } })
      ? [address]
      : []),
  ]
}
