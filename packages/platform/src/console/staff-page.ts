/** Staff, acts of two and criteria on the console. */
import { button, html, type Lang, type Markup, notice, table } from '@sekisho/web'
import { type ControlFacts, criteria } from '../controls/criterion.ts'
import { type ControlRecord, type RecordKind, recordKinds } from '../controls/record.ts'
import type { Act, ActKind } from '../staff/act.ts'
import type { Member } from '../staff/member.ts'
import { mayDo, roles } from '../staff/role.ts'
import { live, proposeForm, timeText } from './frame.ts'

/** Members of the staff, and forms to invite and retire. */
export function staffBody(
  members: readonly Member[],
  given: { readonly lang: Lang; readonly member: Member },
): readonly Markup[] {
  const { lang, member } = given
  const say = words[lang]
  const names = Object.entries(roles).map(
    ([name, role]) =>
      html`<div class="choice"><label><input type="checkbox" name="roles" value="${name}">${role[lang]}</label></div>`,
  )
  return [
    table(
      say.members,
      [say.id, say.name, say.roles, say.state],
      members.map(one => [
        html`<code>${one.id}</code>`,
        one.name,
        one.roles.map(role => roles[role][lang]).join(lang === 'ja' ? '、' : ', '),
        one.state === 'retired' ? say.retired : one.isInvited ? say.invited : say.active,
      ]),
      { caption: 'unseen' },
    ),
    ...(mayDo(member.roles, 'manage-staff')
      ? [
          html`<h2>${say.invite}</h2><p>${say.inviteHint}</p>`,
          proposeForm({
            lang,
            id: 'invite',
            kind: 'staff-invite',
            label: say.propose,
            fields: [
              text('invite-id', 'id', say.id, 31),
              text('invite-name', 'name', say.name, 60),
              html`<fieldset><legend>${say.roles}</legend>${names}</fieldset>`,
            ],
          }),
          html`<h2>${say.retire}</h2>`,
          proposeForm({
            lang,
            id: 'retire',
            kind: 'staff-retire',
            label: say.propose,
            fields: [text('retire-id', 'id', say.id, 31)],
          }),
        ]
      : []),
  ]
}

/** Acts that wait, with what the person may do about each, and those of before. */
export function actsBody(given: {
  readonly lang: Lang
  readonly member: Member
  readonly acts: readonly Act[]
  readonly kinds: Readonly<Record<string, ActKind>>
}): readonly Markup[] {
  const { lang, member, acts, kinds } = given
  const say = words[lang]
  const open = acts.filter(one => one.state === 'waiting' || one.state === 'running')
  const nameOf = (act: Act): string => kinds[act.kind]?.[lang] ?? act.kind
  const buttons = (act: Act): Markup => {
    const right = kinds[act.kind]?.right
    if (right === undefined || !mayDo(member.roles, right)) return html`${say.notYours}`
    const decide = (verdict: string, label: string, kind: 'first' | 'second'): Markup =>
      html`<form method="post" action="/acts/${act.id}/${verdict}">${button(label, kind)}</form>`
    return html`<div class="actions">${
      act.proposedBy === member.id ? null : decide('carry-out', say.carryOut, 'first')
    }${decide('decline', act.proposedBy === member.id ? say.takeBack : say.decline, 'second')}</div>`
  }
  return [
    live('open-acts', [
      html`<h2>${say.open}</h2>`,
      open.length === 0
        ? html`<p>${say.noneOpen}</p>`
        : html`${open.map(
            act =>
              html`<section aria-label="${nameOf(act)} ${act.subject}"><h3>${nameOf(act)}: ${act.subject}</h3><p>${act.reason}</p><p class="hint">${act.proposedBy}, ${timeText(act.proposedAt, lang)}</p>${buttons(act)}</section>`,
          )}`,
    ]),
    ...(mayDo(member.roles, 'manage-people')
      ? [
          oneField('erase', 'person-erase', 'personId', {
            lang,
            title: say.erase,
            label: say.person,
          }),
        ]
      : []),
    ...(mayDo(member.roles, 'manage-controls')
      ? [oneField('hold', 'hold-end', 'hold', { lang, title: say.hold, label: say.holdId })]
      : []),
    html`<h2>${say.all}</h2>`,
    table(
      say.all,
      [say.when, say.act, say.subject, say.why, say.proposed, say.decided, say.state],
      acts.map(act => [
        timeText(act.proposedAt, lang),
        nameOf(act),
        act.subject,
        act.reason,
        act.proposedBy,
        act.decidedBy ?? '',
        act.refusal === undefined
          ? states[act.state][lang]
          : `${states[act.state][lang]}: ${act.refusal}`,
      ]),
      { caption: 'unseen' },
    ),
  ]
}

/** The criteria with what was found, and the records that people keep. */
export function controlsBody(
  facts: ControlFacts,
  given: { readonly lang: Lang; readonly member: Member },
): readonly Markup[] {
  const { lang, member } = given
  const say = words[lang]
  const rows = criteria.flatMap(criterion =>
    criterion.controls.map(control => {
      const finding = control.finding(facts)
      return [
        criterion[lang],
        control[lang],
        findings[finding][lang],
        finding === 'lacking' ? control.remedy[lang] : '',
      ]
    }),
  )
  const lacking = rows.filter(row => row[3] !== '').length
  return [
    lacking === 0
      ? notice('success', say.allMet)
      : notice('warning', `${say.lacking}: ${String(lacking)}`),
    table(say.criteria, [say.criterion, say.control, say.finding, say.toDo], rows, {
      caption: 'unseen',
    }),
    html`<p><a class="button second" href="/controls/bundle">${say.bundle}</a></p>`,
    ...Object.keys(recordKinds).map(kind =>
      recordsPart(kind as RecordKind, facts.records[kind as RecordKind], {
        lang,
        mayManage: mayDo(member.roles, 'manage-controls'),
      }),
    ),
  ]
}

function recordsPart(
  kind: RecordKind,
  records: readonly ControlRecord[],
  given: { readonly lang: Lang; readonly mayManage: boolean },
): Markup {
  const { lang, mayManage } = given
  const say = words[lang]
  const fields = Object.entries<{ readonly ja: string; readonly en: string }>(
    recordKinds[kind].fields,
  )
  const end = (record: ControlRecord): Markup | string =>
    record.endedAt !== undefined
      ? timeText(record.endedAt, lang)
      : mayManage
        ? html`<form method="post" action="/controls/${kind}/${record.id}/end">${button(say.end, 'second')}</form>`
        : ''
  return html`<h2>${recordKinds[kind][lang]}</h2>${
    records.length === 0
      ? html`<p>${say.noRecords}</p>`
      : table(
          recordKinds[kind][lang],
          [say.when, ...fields.map(([, one]) => one[lang]), say.by, say.ended],
          records
            .slice(0, 20)
            .map(record => [
              timeText(record.at, lang),
              ...fields.map(([name]) => shown(record.body[name] ?? '')),
              record.by,
              end(record),
            ]),
          { caption: 'unseen' },
        )
  }${
    mayManage
      ? html`<details><summary>${say.add}</summary><form method="post" action="/controls/${kind}">${fields.map(
          ([name, one]) =>
            text(`${kind}-${name}`, name, one[lang], 120, /since|until|On$/i.test(name)),
        )}${button(say.add, 'second')}</form></details>`
      : null
  }`
}

/** A hash by its beginning: the whole of it is in the bundle. */
function shown(value: string): Markup | string {
  return /^[0-9a-f]{64}$/.test(value) ? html`<code>${value.slice(0, 12)}…</code>` : value
}

/** A form for an act on one thing that is named by its id. */
function oneField(
  id: string,
  kind: string,
  name: string,
  given: { readonly lang: Lang; readonly title: string; readonly label: string },
): Markup {
  const { lang, title, label } = given
  const fields = [text(`${id}-id`, name, label, 36)]
  return html`<details><summary>${title}</summary>${proposeForm({ lang, id, kind, label: words[lang].propose, fields })}</details>`
}

function text(id: string, name: string, label: string, max: number, isDay = false): Markup {
  return html`<div class="field"><label for="${id}">${label}</label><input type="${isDay ? 'date' : 'text'}" id="${id}" name="${name}" required maxlength="${max}"></div>`
}

const findings = {
  met: { ja: '満たす', en: 'met' },
  lacking: { ja: '足りない', en: 'lacking' },
  town: { ja: '体験用の町では問わない', en: 'not asked of a practice town' },
} as const

const states = {
  waiting: { ja: '決定待ち', en: 'waiting' },
  running: { ja: '実行中', en: 'being carried out' },
  done: { ja: '実行済み', en: 'done' },
  declined: { ja: '取りやめ', en: 'declined' },
  refused: { ja: '実行できず', en: 'could not be done' },
  expired: { ja: '期限切れ', en: 'run out' },
} as const

const words = {
  ja: {
    members: '担当者',
    id: '識別子',
    name: '氏名',
    roles: '役割',
    state: '状態',
    retired: '退任',
    invited: '招待中',
    active: '在任',
    invite: '担当者を招待する、または役割を変える',
    inviteHint:
      '決定すると、招待の符号が決めた人に一度だけ示されます。本人に直接渡してください。役割を変えた人は、パスキーを登録し直します。',
    retire: '担当者を外す',
    propose: '提案する',
    notYours: 'あなたの役割では決められません。',
    carryOut: '実行する',
    decline: '取りやめる',
    takeBack: '提案を取り下げる',
    open: '決定を待つ操作',
    noneOpen: '決定を待つ操作はありません。',
    erase: '本人の申出により、個人に関する記録を消す',
    person: '本人の内部識別子',
    hold: '法的保全を終える',
    holdId: '保全の識別子',
    all: 'これまでの操作',
    when: '日時',
    act: '操作',
    subject: '対象',
    why: '理由',
    proposed: '提案した人',
    decided: '決めた人',
    allMet: 'すべての基準を満たしています',
    lacking: '足りないもの',
    criteria: '認定基準',
    criterion: '基準',
    control: '対策',
    finding: '判定',
    toDo: 'すること',
    bundle: '監査用の一式を取り出す',
    noRecords: '記録はまだありません。',
    by: '記録した人',
    ended: '終わり',
    end: '終える',
    add: '記録を加える',
  },
  en: {
    members: 'Staff',
    id: 'Identifier',
    name: 'Name',
    roles: 'Roles',
    state: 'State',
    retired: 'retired',
    invited: 'invited',
    active: 'active',
    invite: 'Invite somebody, or change roles',
    inviteHint:
      'When it is decided, the invitation code is shown once to who decided. Hand it to the person directly. Whoever gets other roles registers a passkey anew.',
    retire: 'Retire somebody',
    propose: 'Propose',
    notYours: 'Your role does not decide this.',
    carryOut: 'Carry out',
    decline: 'Decline',
    takeBack: 'Take back',
    open: 'Acts that wait for a decision',
    noneOpen: 'Nothing waits for a decision.',
    erase: "Erase a person's content at their wish",
    person: 'Internal id of the person',
    hold: 'End a legal hold',
    holdId: 'Id of the hold',
    all: 'Acts until now',
    when: 'When',
    act: 'Act',
    subject: 'Of what',
    why: 'Why',
    proposed: 'Proposed by',
    decided: 'Decided by',
    allMet: 'All criteria are met',
    lacking: 'Lacking',
    criteria: 'Criteria of accreditation',
    criterion: 'Criterion',
    control: 'Control',
    finding: 'Finding',
    toDo: 'What to do',
    bundle: 'Export the bundle for an auditor',
    noRecords: 'There is no record yet.',
    by: 'Recorded by',
    ended: 'Ended',
    end: 'End it',
    add: 'Add a record',
  },
} as const
