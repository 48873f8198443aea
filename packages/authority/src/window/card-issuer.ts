/**
 * What the authority puts onto a card besides certificates (B2–B5, B12): text, face and resident-registry applications, the
 * chip's own key, whom the card believes about terminals, and an empty free area. Everything that is signed is signed here.
 */
import {
  composeFaceApplication,
  composeResidentApplication,
  composeTextApplication,
  cvKeyObjects,
  type CvSigner,
  issueCvCertificate,
  type RecordSigner,
} from '@sekisho/card/issue'
import { type CardState, chipKeyOf, type MoreApplications } from '@sekisho/card/virtual'
import { eraOf } from '@sekisho/contract/japan'
import { digest } from '@sekisho/pki'
import { encodePng } from '../card-face/bitmap.ts'
import { type Lettering, openLettering } from '../card-face/lettering.ts'
import { openPortraits, type Portraits } from '../card-face/portrait.ts'
import type { Numbers } from '../registry/personal-number.ts'
import type { ResidentAttributes } from '../registry/resident.ts'

/** The keys of the issuer: above record signers, of the signer of records and chips, and that cards believe about terminals. */
export type CardIssuerKeys = {
  readonly root: CvSigner
  readonly records: Omit<RecordSigner, 'certificate'> & { readonly spki: Uint8Array }
  readonly terminals: { readonly id: string; readonly spki: Uint8Array }
}

/** What stands on a card. Days are YYYYMMDD. */
export type CardContent = {
  readonly attributes: ResidentAttributes
  readonly municipality: string
  readonly expires: string
  /** Four digits, printed on the face. */
  readonly securityCode: string
  /** `undefined` for somebody who never had a resident record: the card then has no text, face and resident application. */
  readonly numbers: Numbers | undefined
}

/** Makes the applications of cards. */
export type CardIssuer = {
  /** For a new card. A PIN that is not given is as good as blocked. */
  compose(
    content: CardContent,
    card: {
      readonly serial: string
      readonly issued: string
      readonly key: { readonly pkcs8: Uint8Array; readonly spki: Uint8Array }
      readonly textPin: string | undefined
      readonly residentPin: string | undefined
    },
  ): Promise<MoreApplications>
  /** For a card that is brought along: the present content in place of the old; the holder's PINs and tries stay. */
  rewrite(content: CardContent, card: CardState): Promise<CardState>
}

/** Bytes of a new card's free area; ours (`docs/protocol/free-area.md`). */
const freeAreaBytes = 8192

/** An issuer. Typeface and encoder are opened for the first card. */
export function createCardIssuer(keys: CardIssuerKeys): CardIssuer {
  const signer: RecordSigner = {
    ...keys.records,
    certificate: issueCvCertificate(
      { subject: keys.records.id, spki: keys.records.spki },
      keys.root,
    ),
  }
  let tools: Promise<Tools> | undefined
  const records = async (content: CardContent, pins: Pins, chipKey: Uint8Array) => {
    tools ??= openTools()
    return composeRecords(content, { pins, chipKey, signer, tools: await tools })
  }
  return {
    async compose(content, card) {
      const certificate = issueCvCertificate({ subject: card.serial, spki: card.key.spki }, signer)
      return {
        chip: { privateKey: base64(card.key.pkcs8), certificate: base64(certificate) },
        trust: {
          id: keys.terminals.id,
          key: base64(cvKeyObjects(keys.terminals.spki)),
          date: card.issued,
        },
        free: { capacity: freeAreaBytes, applications: [] },
        ...(await records(content, card, card.key.spki)),
      }
    },
    async rewrite(content, card) {
      const chipKey = chipKeyOf(card)
      if (chipKey === undefined || card.text === undefined) return card
      const fresh = await records(content, { textPin: undefined, residentPin: undefined }, chipKey)
      return { ...card, ...withOldSecrets(fresh, card) }
    },
  }
}

type Records = Pick<MoreApplications, 'text' | 'face' | 'resident'>
type Pins = { readonly textPin: string | undefined; readonly residentPin: string | undefined }
type Tools = { readonly lettering: Lettering; readonly portraits: Portraits }

async function openTools(): Promise<Tools> {
  return { lettering: await openLettering(), portraits: await openPortraits() }
}

function composeRecords(
  content: CardContent,
  given: {
    readonly pins: Pins
    readonly chipKey: Uint8Array
    readonly signer: RecordSigner
    readonly tools: Tools
  },
): Records {
  const { attributes, numbers, expires } = content
  const { pins, chipKey, signer, tools } = given
  if (numbers === undefined) return {}
  const birthDate = birthDateText(attributes)
  const codeB = codeBOf(content)
  const image = (text: string, columns: number): Uint8Array =>
    encodePng(tools.lettering.write(text, columns))
  return {
    text: composeTextApplication({
      myNumber: numbers.myNumber,
      attributes: {
        name: attributes.name,
        address: attributes.address,
        birthDate,
        gender: attributes.gender,
      },
      pin: pins.textPin,
      codeB,
      chipKey,
      signer,
    }),
    face: composeFaceApplication({
      myNumber: numbers.myNumber,
      codeB,
      birthDate,
      gender: attributes.gender,
      nameImage: image(attributes.name, nameColumns),
      addressImage: image(attributes.address, addressColumns),
      photo: tools.portraits.draw(digest('sha256', chipKey)),
      expires,
      securityCodeImage: image(content.securityCode, securityColumns),
      myNumberImage: image(numbers.myNumber.replaceAll(/(\d{4})(?=\d)/g, '$1 '), numberColumns),
      municipality: content.municipality,
      chipKey,
      signer,
    }),
    resident: composeResidentApplication({
      residentCode: numbers.residentCode,
      pin: pins.residentPin,
    }),
  }
}

/** Full widths of the lines; digits take half of one. */
const nameColumns = 16
const addressColumns = 20
const numberColumns = 7
const securityColumns = 2

/** Holders' PINs are theirs, and tries that were used up stay so; codes follow what is printed. */
function withOldSecrets(fresh: Records, card: CardState): Records {
  const { text, face, resident } = fresh
  if (text === undefined || face === undefined || resident === undefined) return {}
  return {
    text: { ...text, secrets: keptSecrets(text.secrets, card.text?.secrets) },
    face: { ...face, secrets: keptSecrets(face.secrets, card.face?.secrets) },
    resident: { ...resident, secrets: card.resident?.secrets ?? resident.secrets },
  }
}

type Secrets = NonNullable<Records['text']>['secrets']

function keptSecrets(fresh: Secrets, old: Secrets | undefined): Secrets {
  const pin = old?.['text-pin']
  const kept = { ...fresh, ...(pin === undefined ? {} : { 'text-pin': pin }) }
  const codes = ['text-code-a', 'text-code-b', 'face-birth', 'face-code-a', 'face-code-b'] as const
  for (const name of codes) {
    const now = kept[name]
    const before = old?.[name]
    if (now !== undefined && before !== undefined)
      kept[name] = { ...now, triesLeft: before.triesLeft }
  }
  return kept
}

/** Code B 照合番号B: birth date YYMMDD with the era's year, year of expiry, security code (jpki.md §1.5). Unknown parts are zeros. */
function codeBOf({ attributes, expires, securityCode }: CardContent): string {
  const { year, month, day } = attributes.birthDate
  const era = eraOf({ year, month: month ?? 12, day: day ?? 28 })
  const eraYear = era === undefined ? 0 : year - era.first.year + 1
  return `${two(eraYear)}${two(month)}${two(day)}${expires.slice(0, 4)}${securityCode}`
}

function birthDateText({ birthDate }: ResidentAttributes): string {
  return `${birthDate.year}${two(birthDate.month)}${two(birthDate.day)}`
}

const two = (value: number | null): string => String((value ?? 0) % 100).padStart(2, '0')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
