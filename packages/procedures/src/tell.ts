/** What parties are told in their boxes when something happens in a case; posted in the transaction in which it happens. */
import { postMessage } from '@sekisho/mailbox'
import type { World } from '@sekisho/platform/room'
import type { Transaction } from '@sekisho/runtime/store'
import type { MailTables } from '@sekisho/mailbox'
import type { Definition } from './definition.ts'
import type { CaseEvent, CaseState, Party, Task } from './history.ts'

type Told = {
  readonly caseId: string
  readonly definition: Definition
  readonly state: CaseState
  readonly event: CaseEvent
  readonly number: number
}

/** Posts what an event means for others; nothing where nobody else is concerned. */
export async function tellOf<T extends MailTables>(
  tx: Transaction<T>,
  world: World,
  told: Told,
): Promise<void> {
  for (const [at, { to, kind, subject, body }] of lettersOf(told).entries()) {
    // Who was invited and has not come has no box yet.
    if (to.owner.kind === 'invited') continue
    await postMessage(tx, world, {
      from: { kind: 'system', name: 'procedures' },
      to: to.owner,
      kind,
      subject: subject.slice(0, 200),
      body: `${body}\n\n${world.issuer}/me/procedures/${told.caseId}`,
      documents: [],
      key: `${told.caseId}/${told.number}/${at}`,
      shownFrom: { kind: 'system', name: told.definition.title.ja },
    })
  }
}

type Letter = {
  readonly to: Party
  readonly kind: 'request' | 'answer' | 'decision' | 'notice'
  readonly subject: string
  readonly body: string
}

function lettersOf({ definition, state, event }: Told): readonly Letter[] {
  const title = definition.title.ja
  const applicant = state.parties.find(party => party.id === 'applicant')
  const task = 'task' in event ? state.tasks.get(event.task) : undefined
  switch (event.kind) {
    case 'opened':
      return task === undefined || task.party.id === 'applicant' ? [] : [opened(title, task)]
    case 'done': {
      if (task === undefined || applicant === undefined || task.party.id === 'applicant') return []
      const who = [event.by.corporation, event.by.unit, event.by.title, event.by.name]
        .filter(Boolean)
        .join(' ')
      const subject = `【${title}】${task.step.title.ja}:${outcomeText(task, event.outcome)}`
      return [{ to: applicant, kind: 'answer', subject, body: `${who} が対応しました。` }]
    }
    case 'returned':
      return task === undefined
        ? []
        : [
            {
              to: task.party,
              kind: 'request',
              subject: `【${title}】やり直しのお願い:${task.step.title.ja}`,
              body: event.reason,
            },
          ]
    case 'late':
      return task === undefined
        ? []
        : [
            {
              to: task.party,
              kind: 'notice',
              subject: `【${title}】期限が過ぎました:${task.step.title.ja}`,
              body: '期限までに対応がありませんでした。',
            },
          ]
    case 'undo-asked':
      return task === undefined
        ? []
        : [
            {
              to: task.party,
              kind: 'request',
              subject: `【${title}】取消しのお願い:${task.step.title.ja}`,
              body: task.step.undo?.ja ?? '',
            },
          ]
    case 'ended':
      return applicant === undefined
        ? []
        : [
            {
              to: applicant,
              kind: 'decision',
              subject: `【${title}】手続が終わりました`,
              body: endText(definition, event.outcome),
            },
          ]
    case 'begun':
    case 'joined':
    case 'handed-over':
    case 'fell-away':
    case 'moved':
      return []
    default:
      return event satisfies never
  }
}

function opened(title: string, task: Task): Letter {
  const until =
    task.deadline === null
      ? ''
      : `期限: ${new Intl.DateTimeFormat('ja-JP-u-ca-japanese', { dateStyle: 'long', timeZone: 'Asia/Tokyo' }).format(task.deadline - 1)}`
  return {
    to: task.party,
    kind: 'request',
    subject: `【${title}】${task.step.title.ja}`,
    body: ['対応をお願いします。', until].filter(Boolean).join('\n'),
  }
}

function outcomeText(task: Task, outcome: string | null): string {
  const { does } = task.step
  if (does.kind !== 'decide' || outcome === null) return '完了'
  return does.outcomes.find(each => each.id === outcome)?.title.ja ?? outcome
}

/** How a case ended, for people. */
export function endText(definition: Definition, outcome: string): string {
  const known = {
    completed: 'すべての作業が終わりました。',
    withdrawn: '取り下げられました。',
    late: '期限が過ぎたため終わりました。',
  }
  if (outcome in known) return known[outcome as keyof typeof known]
  for (const { does } of definition.steps)
    if (does.kind === 'decide') {
      const found = does.outcomes.find(each => each.id === outcome)
      if (found !== undefined) return `決定: ${found.title.ja}`
    }
  return outcome
}
