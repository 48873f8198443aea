/**
 * The municipal window 市区町村の窓口, the part that handles cards (A1–A3): handing out, reissue, renewal, secrets.
 *
 * A card is written under its lock, after the transaction that records its certificates and only if that committed. So a card
 * never holds a certificate that the authority does not know. When the process dies in between, the authority knows
 * certificates whose keys nobody has, and the old card holds revoked ones: nobody can do anything with either, and the holder
 * comes to the window again (renewal, or reissue when there is no card at all).
 */
import {
  type CardState,
  moreOf,
  type Personalisation,
  personalise,
  renewKeys,
  resetPin,
  secretIn,
} from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import type { CaKind, CertificateReference } from '@sekisho/contract/authority'
import { ageOn, dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import { issue } from '../ca/issue.ts'
import { cardEnd, certificateEnd, type ValidityRules } from '../ca/validity.ts'
import type { AuthorityTables } from '../database.ts'
import { cardSerial } from '../registry/bulk.ts'
import { latestBirthDate, type Resident } from '../registry/resident.ts'
import { endOfStay } from '../registry/foreign-stay.ts'
import type { CardKey, World } from '../world.ts'
import type { CardContent } from './card-issuer.ts'
import { changeCard, placeOf, putCard } from './card-tray.ts'
import { requirePossible, takeEffect } from './effect.ts'
import { findResident, lockResident, record } from './resident-file.ts'
import { acceptSecret } from './secret.ts'

/** What the holder wants on the card, and the secrets they set. Each certificate may be declined (A2). */
export type CardWish = {
  readonly withAuthentication: boolean
  readonly withSignature: boolean
  readonly demandsPinAlways: boolean
  /** A card without any PIN 顔認証マイナンバーカード: no signature certificate, and no use but with certified terminals. */
  readonly withoutPins?: boolean | undefined
  readonly pin?: string | undefined
  readonly password?: string | undefined
  /** PINs of the text and the resident-registry application; without, both are `pin`: one common PIN is allowed (A2). */
  readonly textPin?: string | undefined
  readonly residentPin?: string | undefined
}

/** A card in use. */
type Card = {
  readonly id: string
  readonly serial: string
  readonly expires_at: Instant
  readonly issued_at: Instant
}

/** A key for a certificate and the secret that guards it. */
type NewKey = { readonly key: CardKey; readonly secret: string }
type NewKeys = {
  /** No secret on a card without PINs. */
  readonly authentication?: { readonly key: CardKey; readonly secret: string | undefined }
  readonly signature?: NewKey
}

/** What is written onto a card for one key. */
type KeyMaterial = Omit<NonNullable<Personalisation['signature']>, 'password'>

/**
 * Hands out a first card. A signature certificate is left out for under-15s and wards, as for who declines it. Returns the
 * card's name in the tray. Refusals `card-issued-already`, `event-not-possible`, `pin-unsuitable`, `pin-malformed`.
 */
export function handOutCard(world: World, residentId: string, wish: CardWish): Promise<string> {
  return makeCard(world, residentId, wish, 'card-handed-out')
}

/**
 * A new card in place of the one in use (lost, stolen, broken): the old one ends, its certificates are superseded, and the new
 * authentication certificate follows the old (A6). Refusals `card-not-issued`, `card-in-use` and as for a first card.
 */
export function reissueCard(world: World, residentId: string, wish: CardWish): Promise<string> {
  return makeCard(world, residentId, wish, 'card-reissued')
}

async function makeCard(
  world: World,
  residentId: string,
  wish: CardWish,
  event: 'card-handed-out' | 'card-reissued',
): Promise<string> {
  const resident = await findResident(world, residentId)
  const at = world.clock.now()
  // Who has no PIN cannot demand it.
  if (wish.withoutPins === true && wish.demandsPinAlways) throw new Refusal('event-not-possible')
  const keys = await makeKeys(world, resident, wish, at)
  const chipKey = await world.cardKey()
  const pins = applicationPins(resident, wish)
  const serial = cardSerial(world.random)
  const name = resident.persona ?? serial
  await putCard(placeOf(world, name), async () => {
    const { end, material, content } = await world.store.transaction(async tx => {
      const present = await lockResident(tx, residentId)
      requirePossible(present, event)
      const isFirst = event === 'card-handed-out'
      if (isFirst && (await activeCard(tx, residentId)) !== undefined)
        throw new Refusal('card-issued-already')
      await takeEffect(tx, world, { residentId, kind: event, at })
      const end = endOfCard(world, present, at)
      const card = { id: world.random.uuidv7(at), serial, expires_at: end, issued_at: at }
      await tx
        .insertInto('card')
        .values({ ...card, resident_id: residentId, state: 'active' })
        .execute()
      const material = await issueOnto(tx, world, { resident: present, card, keys, at })
      const content = await contentOf(tx, world, present, {
        expires: dayText(end),
        securityCode: newSecurityCode(world, [wish.pin, wish.textPin, wish.residentPin]),
      })
      return { end, material, content }
    })
    const more = { serial, issued: dayText(at), key: chipKey, ...pins }
    return personalise({
      serial,
      municipality: resident.municipality,
      expires: dayText(end),
      demandsPinAlways: wish.demandsPinAlways,
      ...withSecrets(material, keys),
      more: await world.cardIssuer.compose(content, more),
    })
  })
  return name
}

/**
 * Renews the certificates on the card that is brought along, as after a stop or with the end in sight: what was there is
 * superseded, the new authentication certificate follows the old (A6). Refusals `card-not-issued`, `card-absent`,
 * `card-in-use`, `event-not-possible`, `pin-unsuitable`, `pin-malformed`.
 */
export async function renewCertificates(
  world: World,
  residentId: string,
  wish: Pick<CardWish, 'withSignature' | 'withoutPins' | 'pin' | 'password'>,
): Promise<void> {
  const { resident, card, name } = await findCard(world, residentId)
  const at = world.clock.now()
  const keys = await makeKeys(world, resident, { ...wish, withAuthentication: true }, at)
  await changeCard(placeOf(world, name), card.serial, async state => {
    requireUnlikeFace(state, [wish.pin, wish.password])
    const { material, content } = await world.store.transaction(async tx => {
      const present = await lockCard(tx, residentId, card)
      const old = await certificateOn(tx, card.id, 'authentication')
      await takeEffect(tx, world, { residentId, kind: 'renewed', at })
      const renews = old?.state === 'valid' ? old.not_after : undefined
      const material = await issueOnto(tx, world, { resident: present, card, keys, at, renews })
      return { material, content: await contentOf(tx, world, present, printedOn(state)) }
    })
    const renewed = personalise({
      serial: state.serial,
      municipality: state.municipality,
      expires: state.expires,
      demandsPinAlways: state.demandsPinAlways,
      ...withSecrets(material, keys),
      more: moreOf(state),
    })
    return world.cardIssuer.rewrite(content, renewed)
  })
}

/**
 * A new signature certificate alone, as after a change of attributes, which the text and face applications then show too. The
 * authentication certificate stays. Refusals
 * `signature-certificate-not-allowed`, `event-not-possible` while something on the card is held, and as for renewal.
 */
export async function reissueSignature(
  world: World,
  residentId: string,
  wish: { readonly password?: string | undefined },
): Promise<void> {
  const { resident, card, name } = await findCard(world, residentId)
  const at = world.clock.now()
  if (!maySign(world, resident, at)) throw new Refusal('signature-certificate-not-allowed')
  const keys = await makeKeys(
    world,
    resident,
    { ...wish, withAuthentication: false, withSignature: true },
    at,
  )
  await changeCard(placeOf(world, name), card.serial, async state => {
    requireUnlikeFace(state, [wish.password])
    const { material, content } = await world.store.transaction(async tx => {
      const present = await lockCard(tx, residentId, card)
      const held = await tx
        .selectFrom('certificate')
        .select('serial')
        .where('card_id', '=', card.id)
        .where('state', '=', 'held')
        .executeTakeFirst()
      if (held !== undefined) throw new Refusal('event-not-possible')
      await takeEffect(tx, world, { residentId, kind: 'signature-reissued', at })
      const material = await issueOnto(tx, world, { resident: present, card, keys, at })
      return { material, content: await contentOf(tx, world, present, printedOn(state)) }
    })
    const rewritten = await world.cardIssuer.rewrite(content, state)
    return material.signature === undefined || keys.signature === undefined
      ? rewritten
      : renewKeys(rewritten, 'signature', material.signature, keys.signature.secret)
  })
}

/**
 * Writes the present record onto the card that is brought along, as after a move or a change of name: text and face application
 * show it then. Refusals `card-not-issued`, `card-absent`, `card-in-use`, `event-not-possible` for a card without them.
 */
export async function updateCard(world: World, residentId: string): Promise<void> {
  const { card, name } = await findCard(world, residentId)
  const at = world.clock.now()
  await changeCard(placeOf(world, name), card.serial, async state => {
    if (state.text === undefined) throw new Refusal('event-not-possible')
    const content = await world.store.transaction(async tx => {
      const present = await lockCard(tx, residentId, card)
      requirePossible(present, 'card-updated')
      await takeEffect(tx, world, { residentId, kind: 'card-updated', at })
      return contentOf(tx, world, present, printedOn(state))
    })
    return world.cardIssuer.rewrite(content, state)
  })
}

/**
 * Sets a new PIN or password on the card that is brought along, of whichever application, and gives all tries back. Refusals
 * `card-not-issued`, `card-absent`, `card-in-use`, `signature-certificate-absent`, `event-not-possible` when there is nothing for
 * it to guard, `pin-unsuitable`, `pin-malformed`.
 */
export async function resetSecret(
  world: World,
  residentId: string,
  kind: CaKind | 'text-pin' | 'resident-pin',
  secret: string,
): Promise<void> {
  const { resident, card, name } = await findCard(world, residentId)
  const form = kind === 'signature' ? 'signature' : 'authentication'
  const accepted = acceptSecret(form, secret, resident.attributes)
  await changeCard(placeOf(world, name), card.serial, state => {
    requireUnlikeFace(state, [accepted])
    const isThere =
      kind === 'signature' || kind === 'authentication'
        ? state[kind].privateKey !== null
        : secretIn(state, kind) !== undefined
    if (!isThere)
      throw new Refusal(
        kind === 'signature' ? 'signature-certificate-absent' : 'event-not-possible',
      )
    return resetPin(state, kind, accepted)
  })
  await world.store.transaction(tx =>
    record(tx, world, residentId, `${kind}-secret-reset`, world.clock.now()),
  )
}

/**
 * Gives the codes of the text and face application their tries back on the card that is brought along; they stay what is printed.
 * Refusals `card-not-issued`, `card-absent`, `card-in-use`, `event-not-possible` for a card without them.
 */
export async function unblockCodes(world: World, residentId: string): Promise<void> {
  const { card, name } = await findCard(world, residentId)
  await changeCard(placeOf(world, name), card.serial, state => {
    if (state.text === undefined) throw new Refusal('event-not-possible')
    let unblocked = state
    for (const code of printedCodes) {
      const value = secretIn(state, code)?.secret
      if (typeof value === 'string') unblocked = resetPin(unblocked, code, value)
    }
    return unblocked
  })
  await world.store.transaction(tx =>
    record(tx, world, residentId, 'codes-unblocked', world.clock.now()),
  )
}

const printedCodes = [
  'text-code-a',
  'text-code-b',
  'face-birth',
  'face-code-a',
  'face-code-b',
] as const

/**
 * The card follows a stay that was extended, while it is still valid: its new end is written onto the card that is brought along.
 * The certificates keep theirs until they are renewed. Refusals `card-not-issued`, `card-absent`, `card-in-use`,
 * `event-not-possible`.
 */
export async function extendCard(world: World, residentId: string): Promise<void> {
  const { card, name } = await findCard(world, residentId)
  const at = world.clock.now()
  await changeCard(placeOf(world, name), card.serial, async state => {
    const { end, content } = await world.store.transaction(async tx => {
      const present = await lockCard(tx, residentId, card)
      requirePossible(present, 'card-extended')
      const end = endOfCard(world, present, card.issued_at)
      if (at > card.expires_at || end <= card.expires_at) throw new Refusal('event-not-possible')
      await tx.updateTable('card').set({ expires_at: end }).where('id', '=', card.id).execute()
      await takeEffect(tx, world, { residentId, kind: 'card-extended', at })
      const printed = { ...printedOn(state), expires: dayText(end) }
      return { end, content: await contentOf(tx, world, present, printed) }
    })
    return world.cardIssuer.rewrite(content, { ...state, expires: dayText(end) })
  })
}

/** Whether a signature certificate is issued by default: from the day on which the age is reached, and to no ward (A2). */
export function maySign(
  world: Pick<World, 'rules'>,
  resident: Pick<Resident, 'attributes' | 'isWard' | 'status'>,
  at: Instant,
): boolean {
  const age = ageOn(latestBirthDate(resident.attributes), dateInJapan(at))
  const isOldEnough = age >= world.rules.validity.signatureAge
  return isOldEnough && !resident.isWard && resident.status === 'resident'
}

/** The card that a resident uses, with its name in the tray. Refusals `resident-unknown`, `card-not-issued`. */
async function findCard(world: World, residentId: string) {
  const resident = await findResident(world, residentId)
  const card = await world.store.read(db => activeCard(db, residentId))
  if (card === undefined) throw new Refusal('card-not-issued')
  return { resident, card, name: resident.persona ?? card.serial }
}

/** The resident again, under lock: the card must still be the one in use. */
async function lockCard(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  card: Card,
): Promise<Resident> {
  const resident = await lockResident(tx, residentId)
  if ((await activeCard(tx, residentId))?.id !== card.id) throw new Refusal('event-not-possible')
  return resident
}

/** What the text and face application say of a resident, with what is printed on the card alone. */
async function contentOf(
  tx: Transaction<AuthorityTables>,
  world: World,
  resident: Resident,
  printed: Pick<CardContent, 'expires' | 'securityCode'>,
): Promise<CardContent> {
  const { attributes, municipality } = resident
  return {
    attributes,
    municipality,
    numbers: await world.numbers.read(tx, resident.id),
    ...printed,
  }
}

/** What is printed on a card that is brought along. One of before has no security code; it is not rewritten either. */
function printedOn(state: CardState): Pick<CardContent, 'expires' | 'securityCode'> {
  return { expires: state.expires, securityCode: securityCodeOn(state) ?? '' }
}

function securityCodeOn(state: CardState): string | undefined {
  return secretIn(state, 'text-code-b')?.secret?.slice(-4)
}

/** Refusal `pin-unsuitable` for a secret that anybody can read on the card's face. */
function requireUnlikeFace(state: CardState, secrets: readonly (string | undefined)[]): void {
  const code = securityCodeOn(state)
  if (code !== undefined && secrets.includes(code)) throw new Refusal('pin-unsuitable')
}

/** Four digits that are none of the holder's PINs: a card comes from the maker before they are set. */
function newSecurityCode(world: World, pins: readonly (string | undefined)[]): string {
  for (;;) {
    const [high = 0, low = 0] = world.random.bytes(2)
    const code = String(((high << 8) | low) % 10_000).padStart(4, '0')
    if (!pins.includes(code)) return code
  }
}

/** PINs of the text and the resident application, unless the holder set none at all. Refusals `pin-malformed`, `pin-unsuitable`. */
function applicationPins(
  resident: Resident,
  wish: CardWish,
): { readonly textPin: string | undefined; readonly residentPin: string | undefined } {
  const accept = (pin: string | undefined): string | undefined =>
    pin === undefined || wish.withoutPins === true
      ? undefined
      : acceptSecret('authentication', pin, resident.attributes)
  return {
    textPin: accept(wish.textPin ?? wish.pin),
    residentPin: accept(wish.residentPin ?? wish.pin),
  }
}

/** Keys for the certificates that are wished for and allowed. */
async function makeKeys(
  world: World,
  resident: Resident,
  wish: Omit<CardWish, 'demandsPinAlways'>,
  at: Instant,
): Promise<NewKeys> {
  const withoutPins = wish.withoutPins === true
  const pin =
    wish.withAuthentication && !withoutPins
      ? acceptSecret('authentication', wish.pin, resident.attributes)
      : undefined
  const password =
    wish.withSignature && !withoutPins && maySign(world, resident, at)
      ? acceptSecret('signature', wish.password, resident.attributes)
      : undefined
  const isWanted = wish.withAuthentication || withoutPins
  return {
    ...(isWanted ? { authentication: { key: await world.cardKey(), secret: pin } } : {}),
    ...(password === undefined
      ? {}
      : { signature: { key: await world.cardKey(), secret: password } }),
  }
}

/** Issues a certificate for each key, the authentication certificate first, because it bounds the other. */
async function issueOnto(
  tx: Transaction<AuthorityTables>,
  world: World,
  given: {
    readonly resident: Resident
    readonly card: Pick<Card, 'id' | 'expires_at'>
    readonly keys: NewKeys
    readonly at: Instant
    /** End of the still valid certificate that is renewed. */
    readonly renews?: Instant | undefined
  },
): Promise<Readonly<Partial<Record<CaKind, KeyMaterial>>>> {
  const { resident, card, keys, at } = given
  const birth = latestBirthDate(resident.attributes)
  const material: Partial<Record<CaKind, KeyMaterial>> = {}
  for (const kind of ['authentication', 'signature'] as const) {
    const key = keys[kind]?.key
    if (key === undefined) continue
    if (kind === 'signature' && !maySign(world, resident, at))
      throw new Refusal('event-not-possible')
    const beside =
      kind === 'signature' ? await certificateOn(tx, card.id, 'authentication') : undefined
    const notAfter = certificateEnd(validityAt(world, kind, at), birth, at, {
      renews: given.renews,
      notPast: [
        card.expires_at,
        world.hierarchy.issuing(kind, at).certificate.notAfter,
        ...(beside === undefined ? [] : [beside.not_after]),
      ],
    })
    if (notAfter <= at) throw new Refusal('event-not-possible')
    const issued = await issue(tx, world, {
      kind,
      resident,
      cardId: card.id,
      spki: key.spki,
      // Certificates count seconds.
      notBefore: Math.floor(at / 1000) * 1000,
      notAfter,
      predecessor:
        kind === 'authentication' ? await lastAuthentication(tx, resident.id) : undefined,
      authentication:
        beside === undefined
          ? undefined
          : { issuerKeyId: beside.issuer_key_id, serial: beside.serial },
    })
    material[kind] = {
      privateKey: key.pkcs8,
      certificate: issued.der,
      caCertificate: issued.caCertificate,
    }
  }
  return material
}

function withSecrets(material: Readonly<Partial<Record<CaKind, KeyMaterial>>>, keys: NewKeys) {
  const { authentication, signature } = material
  return {
    ...(authentication === undefined || keys.authentication === undefined
      ? {}
      : { authentication: { ...authentication, pin: keys.authentication.secret } }),
    ...(signature === undefined || keys.signature === undefined
      ? {}
      : { signature: { ...signature, password: keys.signature.secret } }),
  }
}

function activeCard(
  db: Pick<Transaction<AuthorityTables>, 'selectFrom'>,
  residentId: string,
): Promise<Card | undefined> {
  return db
    .selectFrom('card')
    .select(['id', 'serial', 'expires_at', 'issued_at'])
    .where('resident_id', '=', residentId)
    .where('state', '=', 'active')
    .executeTakeFirst()
}

/** The certificate of a kind on a card that is not revoked; there is at most one. */
function certificateOn(tx: Transaction<AuthorityTables>, cardId: string, ca: CaKind) {
  return tx
    .selectFrom('certificate')
    .select(['issuer_key_id', 'serial', 'not_after', 'state'])
    .where('card_id', '=', cardId)
    .where('ca', '=', ca)
    .where('state', '<>', 'revoked')
    .executeTakeFirst()
}

/** The end of a person's line of authentication certificates: the one that none follows. */
async function lastAuthentication(
  tx: Transaction<AuthorityTables>,
  residentId: string,
): Promise<CertificateReference | undefined> {
  const row = await tx
    .selectFrom('certificate as one')
    .select(['one.issuer_key_id', 'one.serial'])
    .where('one.resident_id', '=', residentId)
    .where('one.ca', '=', 'authentication')
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('certificate as next')
            .select('next.serial')
            .whereRef('next.predecessor_issuer_key_id', '=', 'one.issuer_key_id')
            .whereRef('next.predecessor_serial', '=', 'one.serial'),
        ),
      ),
    )
    .executeTakeFirst()
  return row === undefined ? undefined : { issuerKeyId: row.issuer_key_id, serial: row.serial }
}

/** The validity of what a CA issues at an instant: that of its generation, where it has its own. */
function validityAt(world: World, kind: CaKind, at: Instant): ValidityRules {
  return world.hierarchy.issuing(kind, at).rules.validity ?? world.rules.validity
}

/** End of a card issued at an instant: of foreign residents with an end of stay, never past it. Refusal `event-not-possible` when that is over. */
function endOfCard(world: World, resident: Resident, issuedAt: Instant): Instant {
  const birth = latestBirthDate(resident.attributes)
  const end = cardEnd(validityAt(world, 'authentication', issuedAt), birth, issuedAt)
  const bounded = Math.min(end, endOfStay(resident.stay) ?? end)
  if (bounded <= world.clock.now()) throw new Refusal('event-not-possible')
  return bounded
}

function dayText(at: Instant): string {
  const { year, month, day } = dateInJapan(at)
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}
