/** The forms of a resident's page: one for each event that is possible in the present state, and how a sent form is read. */
import { Refusal } from '@sekisho/contract'
import { municipalities } from '@sekisho/contract/japan'
import { button, html, type Lang, type Markup } from '@sekisho/web'
import type { Resident } from '../registry/resident.ts'
import { residentEvent, type ResidentEvent } from './event.ts'
import { effectTexts, eventNames, windowWords } from './word.ts'

/** What decides which events are possible. */
export type FileState = {
  readonly resident: Resident
  readonly hasCard: boolean
  readonly maySign: boolean
  readonly hasSignature: boolean
  readonly hasAuthentication: boolean
  readonly hasValid: boolean
  readonly hasHeld: boolean
  readonly holdsAreLiftable: boolean
}

type What = ResidentEvent['what']

/** The forms in groups, each closed until it is chosen. */
export function eventForms(lang: Lang, file: FileState): Markup {
  const say = windowWords[lang]
  const groups = offersOf(file).filter(({ events }) => events.length > 0)
  if (groups.length === 0) return html`<p>${say.noEvents}</p>`
  return html`${groups.map(
    ({ title, events }) =>
      html`<h3>${say[title]}</h3>${events.map(
        what =>
          html`<details><summary>${eventNames[lang][what]}</summary><form method="post" action="/residents/${file.resident.id}"><fieldset aria-label="${eventNames[lang][what]}"><p>${effectTexts[lang][what]}</p><input type="hidden" name="what" value="${what}">${fieldsOf(lang, what, file)}${button(say[buttons[title]])}</fieldset></form></details>`,
      )}`,
  )}`
}

/** What the button of each group says. */
const buttons = {
  ofCard: 'perform',
  ofSecrets: 'perform',
  ofRecord: 'accept',
  ofStops: 'accept',
} as const

function offersOf(file: FileState): readonly {
  readonly title: keyof typeof buttons
  readonly events: readonly What[]
}[] {
  const { status, stay, relation, isWard } = file.resident
  const isHere = status === 'resident'
  const isAlive = isHere || status === 'overseas'
  const when = (holds: boolean, ...events: readonly What[]): readonly What[] =>
    holds ? events : []
  return [
    {
      title: 'ofCard',
      events: [
        ...when(isAlive && !file.hasCard, 'card'),
        ...when(isAlive && file.hasCard && file.maySign && !file.hasHeld, 'signature'),
        ...when(isAlive && file.hasCard, 'renew', 'reissue'),
        ...when(isHere && file.hasCard && typeof stay?.until === 'object', 'extend-card'),
        ...when(isAlive && file.hasCard, 'update-card'),
      ],
    },
    {
      title: 'ofSecrets',
      events: [
        ...when(file.hasCard && file.hasAuthentication, 'reset-pin'),
        ...when(file.hasCard && file.hasSignature, 'reset-password'),
        ...when(isAlive && file.hasCard, 'reset-text-pin', 'reset-resident-pin', 'unblock-codes'),
      ],
    },
    {
      title: 'ofStops',
      events: [
        ...when(file.hasValid, 'lost'),
        ...when(file.hasHeld && file.holdsAreLiftable, 'found'),
        ...when(file.hasValid || file.hasHeld, 'stop', 'key-compromised', 'recorded-wrongly'),
        ...when(isAlive && file.hasCard, 'end-card'),
        ...when(isHere, 'change-number'),
      ],
    },
    {
      title: 'ofRecord',
      events: [
        ...when(isAlive, 'move'),
        ...when(isHere, 'rename', 'correct', 'correct-trivially'),
        ...when(isHere && stay !== null, 'alias', 'extend-stay'),
        ...when(isHere, 'born'),
        ...when(isHere && relation !== 'head', 'head'),
        ...when(isAlive, isWard ? 'end-guardianship' : 'begin-guardianship'),
        ...when(isHere, 'overseas'),
        ...when(isHere && stay !== null, 'residence-lost'),
        ...when(isAlive, 'deceased'),
      ],
    },
  ]
}

function fieldsOf(lang: Lang, what: What, file: FileState): Markup | null {
  const say = windowWords[lang]
  const { municipality } = file.resident
  switch (what) {
    case 'card':
    case 'reissue':
      return html`${check('withAuthentication', say.withAuthentication, what, true)}${pinField(lang, what, false)}${signatureFields(lang, what, file)}${check('demandsPinAlways', say.pinAlways, what, false)}${check('withoutPins', say.withoutPins, what, false)}`
    case 'renew':
      return html`${pinField(lang, what, true)}${signatureFields(lang, what, file)}`
    case 'signature':
    case 'reset-password':
      return passwordField(lang, what, true)
    case 'reset-pin':
    case 'reset-text-pin':
    case 'reset-resident-pin':
      return pinField(lang, what, true)
    case 'move':
      return html`${select(
        `${what}-municipality`,
        'municipality',
        say.municipality,
        municipalities.map(one => [one.code, `${one.prefecture}${one.name}`]),
        municipality,
      )}${textField(what, 'address', say.newAddress, { max: 200, isRequired: true })}${check('withHousehold', say.withHousehold, what, false)}`
    case 'rename':
      return html`<div class="field"><label for="rename-name">${say.newName}</label><p class="hint" id="rename-hint">${say.newNameHint}</p><input type="text" id="rename-name" name="name" required maxlength="100" autocomplete="off" aria-describedby="rename-hint"></div>`
    case 'correct':
      return html`<div class="field"><label for="correct-born">${say.born}</label><input type="date" id="correct-born" name="birthDate"></div>${select(
        'correct-gender',
        'gender',
        say.gender,
        [['', say.unchanged], ...Object.entries(say.genders)],
        '',
      )}`
    case 'overseas':
      return check('continues', say.continues, what, true)
    case 'correct-trivially':
      return html`${textField(what, 'name', say.newName, { max: 100 })}${textField(what, 'address', say.newAddress, { max: 200 })}`
    case 'alias':
      return textField(what, 'alias', say.alias, { max: 40 })
    case 'born':
      return html`${textField(what, 'name', say.name, { max: 100, isRequired: true })}${textField(what, 'reading', say.reading, { max: 100 })}${dateField(what, 'birthDate', say.born, true)}${select('born-gender', 'gender', say.gender, Object.entries(say.genders), 'female')}`
    case 'extend-stay':
      return html`${select('extend-stay-category', 'category', say.category, Object.entries(say.categories), file.resident.stay?.category ?? '')}${dateField(what, 'until', say.endOfStay, false)}`
    case 'join':
    case 'head':
    case 'extend-card':
    case 'update-card':
    case 'unblock-codes':
    case 'stay-ended':
    case 'begin-guardianship':
    case 'end-guardianship':
    case 'change-number':
    case 'deceased':
    case 'residence-lost':
    case 'end-card':
    case 'lost':
    case 'found':
    case 'stop':
    case 'key-compromised':
    case 'recorded-wrongly':
      return null
    default:
      return what satisfies never
  }
}

function textField(
  what: What,
  name: string,
  label: string,
  given: { readonly max: number; readonly isRequired?: boolean },
): Markup {
  return html`<div class="field"><label for="${what}-${name}">${label}</label><input type="text" id="${what}-${name}" name="${name}"${given.isRequired === true ? html` required` : null} maxlength="${given.max}" autocomplete="off"></div>`
}

function dateField(what: What, name: string, label: string, isRequired: boolean): Markup {
  return html`<div class="field"><label for="${what}-${name}">${label}</label><input type="date" id="${what}-${name}" name="${name}"${isRequired ? html` required` : null}></div>`
}

function signatureFields(lang: Lang, what: What, file: FileState): Markup {
  const say = windowWords[lang]
  if (!file.maySign) return html`<p>${say.noSignature}</p>`
  return html`${check('withSignature', say.withSignature, what, true)}${passwordField(lang, what, false)}`
}

function pinField(lang: Lang, what: What, isRequired: boolean): Markup {
  return html`<div class="field"><label for="${what}-pin">${windowWords[lang].pin}</label><input type="text" id="${what}-pin" name="pin" inputmode="numeric" maxlength="4" autocomplete="off"${isRequired ? html` required` : null}></div>`
}

function passwordField(lang: Lang, what: What, isRequired: boolean): Markup {
  return html`<div class="field"><label for="${what}-password">${windowWords[lang].password}</label><input type="text" id="${what}-password" name="password" maxlength="16" autocomplete="off" autocapitalize="characters"${isRequired ? html` required` : null}></div>`
}

function check(name: string, label: string, what: What, isChecked: boolean): Markup {
  return html`<p><label for="${what}-${name}"><input type="checkbox" id="${what}-${name}" name="${name}"${isChecked ? html` checked` : null}>${label}</label></p>`
}

/** A labelled choice; also used by the search. */
export function select(
  id: string,
  name: string,
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen: string,
): Markup {
  return html`<div class="field"><label for="${id}">${label}</label><select id="${id}" name="${name}">${options.map(
    ([value, text]) =>
      html`<option value="${value}"${value === chosen ? html` selected` : null}>${text}</option>`,
  )}</select></div>`
}

/** Checkboxes of each form: HTML leaves an unchecked one out, and so would a default that is true. */
const checks: Readonly<Partial<Record<string, readonly string[]>>> = {
  card: ['withAuthentication', 'withSignature', 'demandsPinAlways', 'withoutPins'],
  reissue: ['withAuthentication', 'withSignature', 'demandsPinAlways', 'withoutPins'],
  renew: ['withSignature'],
  overseas: ['continues'],
  move: ['withHousehold'],
}

/** What a field left empty says where that is not nothing. */
const emptyMeans: Readonly<Partial<Record<string, Readonly<Record<string, null>>>>> = {
  alias: { alias: null },
  'extend-stay': { until: null },
}

/** Reads a sent form. Empty fields count as left out. Refusal `request-malformed`. */
export function eventOfForm(form: Readonly<Record<string, string>>) {
  const what = form['what'] ?? ''
  const told = Object.entries(form).filter(([, value]) => value !== '')
  const flags = (checks[what] ?? []).map((name): [string, boolean] => [name, form[name] === 'on'])
  const { birthDate, until, ...rest }: Record<string, unknown> = Object.fromEntries([
    ...told,
    ...flags,
  ])
  const parsed = residentEvent.safeParse({
    ...emptyMeans[what],
    ...rest,
    ...(typeof birthDate === 'string' ? { birthDate: dateOf(birthDate) } : {}),
    ...(typeof until === 'string' ? { until: dateOf(until) } : {}),
  })
  if (!parsed.success)
    throw new Refusal('request-malformed', {
      fields: parsed.error.issues[0]?.path.join('.') ?? '',
    })
  return parsed.data
}

/** A day as a date field sends it. */
export function dateOf(text: string): unknown {
  const [year, month, day] = text.split('-').map(Number)
  return { year, month, day }
}
