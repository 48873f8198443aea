/** The screens of procedures below `/me/procedures`. */
import { startOfDayInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import {
  button,
  field,
  html,
  type Lang,
  linkButton,
  type Markup,
  notice,
  pairs,
  table,
} from '@sekisho/web'
import type { Case } from './case.ts'
import { dateOfText } from './deadline.ts'
import type { Definition, Role } from './definition.ts'
import type { Form, FormField, Values } from './form.ts'
import { type DoneBy, type Party, type Task, taskId } from './history.ts'
import { say } from './screen-words.ts'
import { endText } from './tell.ts'
import { formOf, givenTo, shownDocuments, tasksFor, type TaskView } from './view.ts'

/** Where these screens lie. */
export const home = '/me/procedures'

/** An address of these screens in the language of the page. */
export function at(lang: Lang, rest = ''): string {
  return `${home}${rest}${lang === 'en' ? '?lang=en' : ''}`
}

/** Whom an applicant can choose for a role. */
export type Choice = { readonly value: string; readonly name: string }

/** A task that waits for the person of this page. */
export type WaitingTask = { readonly found: Case; readonly task: Task }

/** The list. */
export function listBody(given: {
  readonly lang: Lang
  readonly definitions: readonly Definition[]
  readonly cases: readonly Case[]
  readonly waiting: readonly WaitingTask[]
}): readonly Markup[] {
  const { lang } = given
  const words = say[lang]
  return [
    html`<p class="lead">${words.lead}</p>`,
    html`<h2>${words.waiting}</h2>`,
    given.waiting.length === 0
      ? html`<p>${words.noWaiting}</p>`
      : table(
          words.waiting,
          [words.step, words.procedure, words.deadline, words.do],
          given.waiting.map(({ found, task }) => [
            task.step.title[lang],
            found.definition.title[lang],
            task.deadline === null ? '' : dayText(task.deadline - 1, lang),
            html`<a href="${at(lang, `/${found.id}/tasks/${task.id}`)}">${words.do}<span class="aside"> ${task.step.title[lang]}</span></a>`,
          ]),
          { caption: 'unseen' },
        ),
    html`<h2>${words.mine}</h2>`,
    given.cases.length === 0
      ? html`<p>${words.none}</p>`
      : table(
          words.mine,
          [words.procedure, words.begun, words.state, words.see],
          given.cases.map(one => [
            one.definition.title[lang],
            dayText(one.begunAt, lang),
            stateText(one, lang),
            html`<a href="${at(lang, `/${one.id}`)}">${words.see}<span class="aside"> ${one.definition.title[lang]}</span></a>`,
          ]),
          { caption: 'unseen' },
        ),
    html`<h2>${words.start}</h2>`,
    ...given.definitions.map(
      one =>
        html`<section aria-label="${one.title[lang]}"><h3>${one.title[lang]}</h3><p>${one.lead[lang]}</p><p>${linkButton(at(lang, `/start/${one.id}`), `${one.title[lang]}: ${words.begin}`, 'second')}</p></section>`,
    ),
    html`<h2>${words.join}</h2><p>${words.joinText}</p><form id="join" method="post" action="${at(lang, '/join')}">${field({ name: 'code', label: words.code, required: true, maxlength: 40, autocomplete: 'off' })}${button(words.next, 'second')}</form>`,
    html`<p><a href="${at(lang, '/partners')}">${words.partners}</a></p>`,
  ]
}

/** The form of an application. */
export function startBody(given: {
  readonly lang: Lang
  readonly definition: Definition
  readonly choices: Readonly<Record<string, readonly Choice[]>>
  readonly values: Values
}): readonly Markup[] {
  const { lang, definition } = given
  const words = say[lang]
  const roles = Object.entries(definition.roles).filter(([id]) => id !== 'applicant')
  return [
    html`<p class="lead">${definition.lead[lang]}</p>`,
    html`<form id="start" method="post" action="${at(lang, `/start/${definition.id}`)}">${fields(definition.form, given.values, lang)}${roles.map(([id, role]) => roleFields(definition, id, role, given.choices[id] ?? [], lang))}${button(words.next)}</form>`,
    html`<p><a href="${at(lang)}">${words.back}</a></p>`,
  ]
}

function roleFields(
  definition: Definition,
  id: string,
  role: Role,
  choices: readonly Choice[],
  lang: Lang,
): Markup {
  const words = say[lang]
  const title = role.title[lang]
  const mark = role.isOptional === true ? words.optional : words.required
  const receives = role.receives.map(name => definition.form.properties[name]?.title[lang] ?? name)
  const told =
    receives.length === 0
      ? null
      : html`<p class="hint">${words.receives}: ${receives.join('、')}</p>`
  const name = `party-${id}`
  if (role.chosen === 'corporation')
    return html`<fieldset class="field"><legend>${title}${mark}</legend>${told}${field({ name, label: words.corporation, inputmode: 'numeric', maxlength: 13, required: role.isOptional !== true })}</fieldset>`
  if (role.chosen === 'invited')
    return html`<fieldset class="field"><legend>${title}${mark}</legend>${told}${field({ name, label: `${title}${words.invited}`, hint: words.invitedHint, maxlength: 64 })}</fieldset>`
  const kind = role.isMany === true ? 'checkbox' : 'radio'
  return html`<fieldset class="field"><legend>${title}${mark}</legend>${told}${
    role.chosen === 'agreed'
      ? html`<p class="hint">${words.agreeFirst} <a href="${at(lang, '/partners')}">${words.partners}</a></p>`
      : null
  }${choices.map(choice => html`<label class="check"><input type="${kind}" name="${name}" value="${choice.value}"> ${choice.name}</label>`)}</fieldset>`
}

/** The fields of a form. */
function fields(form: Form, values: Values, lang: Lang): Markup {
  return html`${Object.entries(form.properties).map(([name, one]) => oneField(name, one, { form, values, lang }))}`
}

function oneField(
  name: string,
  one: FormField,
  given: { readonly form: Form; readonly values: Values; readonly lang: Lang },
): Markup {
  const { lang, form } = given
  const isRequired = form.required.includes(name)
  const label = `${one.title[lang]}${isRequired ? '' : say[lang].optional}`
  const value = given.values[name]
  if (one.type === 'boolean')
    return html`<label class="check"><input type="checkbox" name="${name}" value="yes"${value === true ? html` checked` : null}> ${label}</label>`
  if (one.enum !== undefined)
    return html`<div class="field"><label for="${name}">${label}</label><select id="${name}" name="${name}"${isRequired ? html` required` : null}>${one.enum.map(each => html`<option value="${each}"${value === each ? html` selected` : null}>${one.choices?.[each]?.[lang] ?? each}</option>`)}</select></div>`
  return field({
    name,
    label,
    required: isRequired,
    type: one.format === 'date' ? 'date' : 'text',
    ...(one.hint === undefined ? {} : { hint: one.hint[lang] }),
    ...(value === undefined ? {} : { value: String(value) }),
    ...(one.type === 'integer' ? { inputmode: 'numeric' as const } : {}),
    ...(one.maxLength === undefined ? {} : { maxlength: one.maxLength }),
  })
}

/** How a case stands, for one of its parties. */
export function caseBody(given: {
  readonly lang: Lang
  readonly found: Case
  readonly party: Party
  readonly told: string | undefined
  /** Whether the party of this page may do its tasks here. */
  readonly mayAct: boolean
}): readonly Markup[] {
  const { lang, found, party } = given
  const words = say[lang]
  const { state } = found
  const views = tasksFor(found, party)
  const isApplicant = party.id === 'applicant'
  return [
    given.told === undefined ? html`` : notice('success', given.told),
    pairs([
      [words.begun, dayText(found.begunAt, lang)],
      [words.state, stateText(found, lang)],
      ...(state.ended === undefined ? [] : [[words.when, dayText(state.ended.at, lang)] as const]),
    ]),
    html`<h2>${words.status}</h2>`,
    table(
      words.status,
      [words.step, words.who, words.state, words.when],
      [
        ...views.map(({ task }) => [
          task.step.title[lang],
          task.party.name,
          taskText(task, lang),
          task.done !== undefined
            ? dayText(task.done.at, lang)
            : task.deadline === null
              ? ''
              : `${words.deadline}: ${dayText(task.deadline - 1, lang)}`,
        ]),
        ...(state.ended === undefined ? stepsAhead(found) : []).map(({ step, party: who }) => [
          step.title[lang],
          who.name,
          words.ahead,
          '',
        ]),
      ],
      { caption: 'unseen' },
    ),
    ...views
      .filter(({ content }) => content !== undefined)
      .map(view => contentSection(found, view, lang)),
    ...(isApplicant ? [] : [givenSection(found, party, lang)]),
    ...(given.mayAct && state.ended === undefined
      ? views
          .filter(({ task }) => task.party.id === party.id && task.state === 'open')
          .map(
            ({ task }) =>
              html`<p>${linkButton(at(lang, `/${found.id}/tasks/${task.id}`), `${words.do}: ${task.step.title[lang]}`)}</p>`,
          )
      : []),
    isApplicant && state.ended === undefined
      ? html`<h2>${words.correct}</h2><form id="correct" method="post" action="${at(lang, `/${found.id}/correct`)}">${button(words.correct, 'second')}</form><h2>${words.withdraw}</h2><form id="withdraw" method="post" action="${at(lang, `/${found.id}/withdraw`)}">${field({ name: 'reason', label: words.withdrawReason, required: true, maxlength: 500 })}${button(words.withdraw, 'second')}</form>`
      : html``,
    html`<p><a href="${at(lang)}">${words.back}</a></p>`,
  ]
}

function contentSection(found: Case, { task, content }: TaskView, lang: Lang): Markup {
  if (content === undefined || task.done === undefined) return html``
  const words = say[lang]
  const { does } = task.step
  const outcome =
    does.kind === 'decide'
      ? does.outcomes.find(each => each.id === task.done?.outcome)?.title[lang]
      : undefined
  const title = `${task.step.title[lang]} ${task.party.name}`
  const proven = task.done.proven ?? []
  return html`<section aria-label="${title}"><h3>${title}</h3>${pairs([
    ...(outcome === undefined ? [] : [[words.result, outcome] as const]),
    ...valueRows(content.form, content.values, lang).map(
      ([name, label, text]) =>
        [
          label,
          task.step.id === 'apply' &&
          found.definition.proven !== undefined &&
          Object.values(found.definition.proven).includes(name)
            ? `${text}(${proven.includes(name) ? words.proven : words.declared})`
            : text,
        ] as const,
    ),
    ...(task.party.id === 'applicant' ? [] : byRows(task.done.by, lang)),
  ])}${
    shownDocuments({ content }, false).length === 0
      ? null
      : html`<ul>${shownDocuments({ content }, false).map(one => html`<li><a href="${at(lang, `/${found.id}/documents/${one.id}`)}" download="${one.name}">${one.name} ${words.download}</a></li>`)}</ul>`
  }</section>`
}

/** Steps that have not come yet, for each party that will have them. */
function stepsAhead({ definition, state }: Case) {
  return definition.steps.flatMap(step =>
    state.parties
      .filter(party => party.role === step.role && !state.tasks.has(taskId(step.id, party.id)))
      .map(party => ({ step, party })),
  )
}

/** The five that receivers want to see (flows.md §24). */
function byRows(by: DoneBy, lang: Lang): readonly (readonly [string, string])[] {
  const words = say[lang]
  return [
    ...(by.corporation === undefined ? [] : [[words.company, by.corporation] as const]),
    ...(by.title === undefined ? [] : [[words.position, by.title] as const]),
    ...(by.unit === undefined ? [] : [[words.unit, by.unit] as const]),
    ...(by.authority === undefined ? [] : [[words.authority, by.authority[lang]] as const]),
    [words.person, by.name],
  ]
}

function valueRows(
  form: Form,
  values: Values,
  lang: Lang,
): readonly (readonly [name: string, label: string, text: string])[] {
  return Object.entries(form.properties).flatMap(([name, one]) => {
    const value = values[name]
    if (value === undefined || value === false) return []
    const text =
      value === true
        ? say[lang].yes
        : one.format === 'date'
          ? dayText(startOfDayInJapan(dateOfText(String(value))), lang)
          : (one.choices?.[String(value)]?.[lang] ?? String(value))
    return [[name, one.title[lang], text] as const]
  })
}

function givenSection(found: Case, party: Party, lang: Lang): Markup {
  const rows = valueRows(found.definition.form, givenTo(found, party), lang)
  return html`<h2>${say[lang].given}</h2>${pairs(rows.map(([, label, text]) => [label, text]))}`
}

/** The form of a task. */
export function taskBody(given: {
  readonly lang: Lang
  readonly found: Case
  readonly task: Task
}): readonly Markup[] {
  const { lang, found, task } = given
  const words = say[lang]
  const form = formOf(found, task.step) ?? { properties: {}, required: [] }
  const { does } = task.step
  const values = task.earlier ?? {}
  const before = tasksFor(found, task.party).filter(
    ({ task: other }) => other.state === 'done' && task.step.after.includes(other.step.id),
  )
  const action = at(lang, `/${found.id}/tasks/${task.id}`)
  return [
    task.returned === undefined ? html`` : notice('warning', words.returned, task.returned),
    does.kind === 'apply' ? html`` : givenSection(found, task.party, lang),
    ...before.map(view => contentSection(found, view, lang)),
    html`<form id="task" method="post" action="${action}">${fields(form, values, lang)}${
      does.kind === 'decide'
        ? html`<fieldset class="field"><legend>${words.outcome}</legend>${does.outcomes.map(one => html`<label class="check"><input type="radio" name="outcome" value="${one.id}" required> ${one.title[lang]}</label>`)}</fieldset>${button(words.send)}`
        : button(words.next)
    }</form>`,
    does.kind === 'apply' || before.length === 0
      ? html``
      : html`<h2>${words.returnTo}</h2><form id="return" method="post" action="${at(lang, `/${found.id}/tasks/${task.id}/return`)}"><fieldset class="field"><legend>${words.step}</legend>${before.map(({ task: other }) => html`<label class="check"><input type="radio" name="task" value="${other.id}" required> ${other.step.title[lang]} ${other.party.name}</label>`)}</fieldset>${field({ name: 'reason', label: words.returnReason, required: true, maxlength: 500 })}${button(words.returnTo, 'second')}</form>`,
    html`<p><a href="${at(lang, `/${found.id}`)}">${words.see}</a></p>`,
  ]
}

/** Codes for those who are invited. */
export function codesBody(
  lang: Lang,
  id: string,
  codes: readonly (readonly [string, string])[],
): readonly Markup[] {
  const words = say[lang]
  return [
    notice('success', words.sent),
    html`<h2>${words.codes}</h2><p>${words.codesText}</p>${pairs(codes)}`,
    html`<p>${linkButton(at(lang, `/${id}`), words.see)}</p>`,
  ]
}

/** Whom to tell of a move. */
export function partnersBody(
  lang: Lang,
  partners: readonly { readonly id: string; readonly name: string; readonly isAgreed: boolean }[],
): readonly Markup[] {
  const words = say[lang]
  return [
    html`<p class="lead">${words.partnersLead}</p>`,
    partners.length === 0
      ? html`<p>${words.none}</p>`
      : table(
          words.partners,
          [words.who, words.state, words.do],
          partners.map(one => [
            one.name,
            one.isAgreed ? words.agreed : '—',
            html`<form id="partner-${one.id}" method="post" action="${at(lang, '/partners')}"><input type="hidden" name="provider" value="${one.id}"><input type="hidden" name="agreed" value="${one.isAgreed ? 'no' : 'yes'}"><button type="submit" class="button second" aria-label="${one.name} ${one.isAgreed ? words.disagree : words.agree}">${one.isAgreed ? words.disagree : words.agree}</button></form>`,
          ]),
          { caption: 'unseen' },
        ),
    html`<p><a href="${at(lang)}">${words.back}</a></p>`,
  ]
}

/** A day in Japan. */
function dayText(instant: Instant, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'long',
    timeZone: 'Asia/Tokyo',
  }).format(instant)
}

function stateText(found: Case, lang: Lang): string {
  const { ended } = found.state
  if (ended === undefined) return say[lang].running
  return say[lang].endings[ended.outcome] ?? endText(found.definition, ended.outcome)
}

function taskText(task: Task, lang: Lang): string {
  const words = say[lang]
  if (task.state === 'done') {
    const { does } = task.step
    const outcome =
      does.kind === 'decide'
        ? does.outcomes.find(each => each.id === task.done?.outcome)?.title[lang]
        : undefined
    return outcome ?? words.done
  }
  if (task.state === 'fallen') return words.fallen
  return [task.isLate ? words.late : words.open, ...(task.isHandedOver ? [words.handed] : [])].join(
    '・',
  )
}
