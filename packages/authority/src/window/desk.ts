/**
 * The municipal window 市区町村の窓口 (A1–A3, A8): every event of a resident with its legal effect on card and certificates.
 * The card is written only after the transaction that records its certificates.
 */
import {
  type CardState,
  type Personalisation,
  personalise,
  renewKeys,
  resetPin,
} from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { ageOn, dateInJapan, municipalityOf } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { jsonb, type Transaction } from '@sekisho/runtime/store'
import { type Issued, issue } from '../ca/issue.ts'
import { cardEnd, certificateEnd } from '../ca/validity.ts'
import type { AuthorityTables } from '../database.ts'
import {
  latestBirthDate,
  noSubstitutes,
  type Resident,
  type ResidentAttributes,
  residentOf,
} from '../registry/resident.ts'
import { type Cause, hold, release, revoke } from '../revocation/revoke.ts'
import type { CardKey, World } from '../world.ts'
import { changeCard, putCard } from './card-tray.ts'

/** Secrets that the holder sets at the window. */
export type Secrets = { readonly pin: string; readonly password: string }

/** What else is asked when a card is handed out. `withSignature` false: the holder declined it. */
export type CardWishes = { readonly withSignature: boolean; readonly demandsPinAlways: boolean }

/** A resident by id. Refusal `resident-unknown`. */
export async function findResident(world: World, id: string): Promise<Resident> {
  return world.store.read(db => readResident(db, id))
}

async function readResident(
  db: Pick<Transaction<AuthorityTables>, 'selectFrom'>,
  id: string,
): Promise<Resident> {
  const row = await db.selectFrom('resident').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new Refusal('resident-unknown')
  return residentOf(row)
}

/**
 * Hands out a card with both certificates, or with the authentication certificate alone for under-15s, wards and those who
 * decline. Refusals `card-issued-already`, `pin-unsuitable`, `pin-malformed`, `event-not-possible`.
 */
export async function handOutCard(
  world: World,
  residentId: string,
  secrets: Secrets,
  wishes: CardWishes,
  // A reissued card follows the authentication certificate of the lost one.
  given: { readonly isReissue: boolean } = { isReissue: false },
): Promise<string> {
  const resident = await findResident(world, residentId)
  if (resident.status === 'deceased') throw new Refusal('event-not-possible')
  assertSuitable(resident, secrets)
  const at = world.clock.now()
  const withSignature = wishes.withSignature && maySign(world, resident, at)
  const keys = {
    authentication: await world.cardKey(),
    signature: withSignature ? await world.cardKey() : undefined,
  }
  const personalisation = await world.store.transaction(async tx => {
    const active = await activeCard(tx, residentId)
    if (active !== undefined && !given.isReissue) throw new Refusal('card-issued-already')
    const predecessor = await newestAuthentication(tx, residentId)
    if (active !== undefined) {
      await revoke(tx, residentId, 'renewed', at)
      await tx.updateTable('card').set({ state: 'ended' }).where('id', '=', active.id).execute()
    }
    const cardId = world.random.uuidv7(at)
    const serial = await insertCard(tx, world, resident, cardId, at)
    const end = cardEnd(world.rules, latestBirthDate(resident.attributes), at)
    const authentication = await issueFor(tx, world, resident, cardId, keys.authentication, {
      kind: 'authentication',
      at,
      notPast: [end],
      isRenewal: false,
      predecessor,
    })
    const signature =
      keys.signature === undefined
        ? undefined
        : await issueFor(tx, world, resident, cardId, keys.signature, {
            kind: 'signature',
            at,
            notPast: [end, authentication.notAfter],
            isRenewal: false,
            predecessor: undefined,
          })
    await record(tx, world, residentId, given.isReissue ? 'card-reissued' : 'card-handed-out', at)
    return {
      serial,
      municipality: resident.municipality,
      expires: dayText(end),
      demandsPinAlways: wishes.demandsPinAlways,
      authentication: { ...materialOf(keys.authentication, authentication), pin: secrets.pin },
      ...(signature === undefined || keys.signature === undefined
        ? {}
        : { signature: { ...materialOf(keys.signature, signature), password: secrets.password } }),
    } satisfies Personalisation
  })
  const name = resident.persona ?? personalisation.serial
  await putCard(world.cardsFolder, name, personalise(personalisation))
  return name
}

/**
 * Renews both certificates on the card that is brought along: superseded ones end, the new authentication certificate
 * follows the old (A6). Refusals `card-not-issued`, `card-absent`, `card-in-use`.
 */
export async function renewCertificates(
  world: World,
  residentId: string,
  secrets: Secrets,
): Promise<void> {
  await writeCertificates(world, residentId, secrets, 'renewed', ['authentication', 'signature'])
}

/** A new signature certificate alone, after a change of attributes. The authentication certificate stays. */
export async function reissueSignature(
  world: World,
  residentId: string,
  secrets: Secrets,
): Promise<void> {
  await writeCertificates(world, residentId, secrets, undefined, ['signature'])
}

async function writeCertificates(
  world: World,
  residentId: string,
  secrets: Secrets,
  cause: Cause | undefined,
  kinds: readonly ('authentication' | 'signature')[],
): Promise<void> {
  const resident = await findResident(world, residentId)
  assertSuitable(resident, secrets)
  const at = world.clock.now()
  const wanted = kinds.filter(kind => kind === 'authentication' || maySign(world, resident, at))
  if (wanted.length === 0) throw new Refusal('signature-certificate-not-allowed')
  const card = await world.store.read(db => activeCard(db, residentId))
  if (card === undefined) throw new Refusal('card-not-issued')
  const keys = new Map<string, CardKey>()
  for (const kind of wanted) keys.set(kind, await world.cardKey())
  await changeCard(world.cardsFolder, resident.persona ?? card.serial, async state => {
    const issued = await world.store.transaction(async tx => {
      const predecessor = await newestAuthentication(tx, residentId)
      if (cause !== undefined) await revoke(tx, residentId, cause, at)
      else await revokeSignature(tx, residentId, at)
      const made = new Map<string, Issued>()
      for (const kind of wanted) {
        const key = keys.get(kind)
        if (key === undefined) continue
        const bound = made.get('authentication')?.notAfter ?? (await authenticationEnd(tx, card.id))
        made.set(
          kind,
          await issueFor(tx, world, resident, card.id, key, {
            kind,
            at,
            notPast:
              kind === 'signature' && bound !== undefined
                ? [card.expires_at, bound]
                : [card.expires_at],
            isRenewal: cause === 'renewed',
            predecessor: kind === 'authentication' ? predecessor : undefined,
          }),
        )
      }
      await record(
        tx,
        world,
        residentId,
        cause === 'renewed' ? 'renewed' : 'signature-reissued',
        at,
      )
      return made
    })
    let next: CardState = state
    for (const [kind, made] of issued) {
      const key = keys.get(kind)
      if (key === undefined) continue
      const slot = kind === 'signature' ? 'signature' : 'authentication'
      next = renewKeys(
        next,
        slot,
        materialOf(key, made),
        slot === 'signature' ? secrets.password : secrets.pin,
      )
    }
    return next
  })
}

/** New attributes (move within Japan, change of name, correction): ends the signature certificate only. */
export async function changeAttributes(
  world: World,
  residentId: string,
  change: { readonly municipality?: string; readonly name?: string; readonly address?: string },
): Promise<void> {
  if (change.municipality !== undefined && municipalityOf(change.municipality) === undefined)
    throw new Refusal('request-malformed', { fields: 'municipality' })
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const resident = await readResident(tx, residentId)
    if (resident.status !== 'resident') throw new Refusal('event-not-possible')
    const { attributes } = resident
    const next: ResidentAttributes = {
      ...attributes,
      ...(change.name === undefined
        ? {}
        : {
            name: change.name,
            nameSubstitutes: noSubstitutes(change.name),
            formerSurname: attributes.name.split('　')[0] ?? null,
          }),
      ...(change.address === undefined
        ? {}
        : { address: change.address, addressSubstitutes: noSubstitutes(change.address) }),
    }
    await tx
      .updateTable('resident')
      .set({
        attributes: jsonb<unknown>(next),
        municipality: change.municipality ?? resident.municipality,
        recorded_at: at,
      })
      .where('id', '=', residentId)
      .execute()
    await revoke(tx, residentId, 'attributes-changed', at)
    await record(tx, world, residentId, change.name === undefined ? 'moved' : 'renamed', at)
  })
}

/** Removal from the register: death, or a move overseas (with continuation the authentication certificate stays, A9). */
export async function removeFromRegister(
  world: World,
  residentId: string,
  why: 'deceased' | 'overseas',
): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const changed = await tx
      .updateTable('resident')
      .set({ status: why, recorded_at: at })
      .where('id', '=', residentId)
      .where('status', '=', 'resident')
      .executeTakeFirst()
    if (changed.numUpdatedRows === 0n) throw new Refusal('event-not-possible')
    await revoke(
      tx,
      residentId,
      why === 'deceased' ? 'removed-from-register' : 'moved-overseas',
      at,
    )
    await record(tx, world, residentId, why, at)
  })
}

/** The card is lost: everything on it is held at once (A8). */
export async function reportLost(world: World, residentId: string): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    await hold(tx, residentId, at)
    await record(tx, world, residentId, 'lost', at)
  })
}

/** The card was found: the hold is lifted (one of the two regimes that sources describe; jpki.md §2.6). */
export async function reportFound(world: World, residentId: string): Promise<void> {
  await world.store.transaction(async tx => {
    await release(tx, residentId)
    await record(tx, world, residentId, 'found', world.clock.now())
  })
}

/** The holder has the certificates stopped for good, or tells that a key leaked. */
export async function stopCertificates(
  world: World,
  residentId: string,
  why: 'stopped-by-holder' | 'key-compromised',
): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    await revoke(tx, residentId, why, at)
    await record(tx, world, residentId, why, at)
  })
}

/** Sets a new PIN or password on the card that is brought along, and gives all tries back. */
export async function resetSecret(
  world: World,
  residentId: string,
  kind: 'authentication' | 'signature',
  secret: string,
): Promise<void> {
  const resident = await findResident(world, residentId)
  assertSuitable(
    resident,
    kind === 'signature' ? { pin: '', password: secret } : { pin: secret, password: '' },
  )
  const card = await world.store.read(db => activeCard(db, residentId))
  if (card === undefined) throw new Refusal('card-not-issued')
  await changeCard(world.cardsFolder, resident.persona ?? card.serial, state => {
    if (state[kind].privateKey === null)
      throw new Refusal(kind === 'signature' ? 'signature-certificate-absent' : 'card-not-issued')
    return resetPin(state, kind, secret)
  })
}

/** Whether a signature certificate is issued by default: from the day on which the age is reached, and to no ward (A2). */
function maySign(world: World, resident: Resident, at: Instant): boolean {
  const age = ageOn(latestBirthDate(resident.attributes), dateInJapan(at))
  return age >= world.rules.signatureAge && !resident.isWard && resident.status === 'resident'
}

/** Refuses PINs that are easy to guess (A2): the birth date in its usual spellings. Empty secrets are not set. */
function assertSuitable(resident: Resident, secrets: Secrets): void {
  const { year, month, day } = resident.attributes.birthDate
  const two = (value: number | null): string => String(value ?? 0).padStart(2, '0')
  if (secrets.pin !== '' && !/^\d{4}$/.test(secrets.pin)) throw new Refusal('pin-malformed')
  if (secrets.password !== '' && !/^[A-Za-z0-9]{6,16}$/.test(secrets.password))
    throw new Refusal('pin-malformed')
  const guesses = [
    String(year),
    `${two(month)}${two(day)}`,
    `${two(day)}${two(month)}`,
    `${two(year % 100)}${two(month)}`,
  ]
  if (guesses.includes(secrets.pin)) throw new Refusal('pin-unsuitable')
  if (secrets.password === `${year}${two(month)}${two(day)}`) throw new Refusal('pin-unsuitable')
}

function issueFor(
  tx: Transaction<AuthorityTables>,
  world: World,
  resident: Resident,
  cardId: string,
  key: CardKey,
  given: {
    readonly kind: 'signature' | 'authentication'
    readonly at: Instant
    readonly notPast: readonly Instant[]
    readonly isRenewal: boolean
    readonly predecessor: { readonly issuerKeyId: string; readonly serial: string } | undefined
  },
): Promise<Issued> {
  const birth = latestBirthDate(resident.attributes)
  return issue(tx, world, {
    kind: given.kind,
    resident,
    cardId,
    spki: key.spki,
    // Certificates count seconds.
    notBefore: Math.floor(given.at / 1000) * 1000,
    notAfter: certificateEnd(world.rules, birth, given.at, given),
    predecessor: given.predecessor,
  })
}

async function insertCard(
  tx: Transaction<AuthorityTables>,
  world: World,
  resident: Resident,
  cardId: string,
  at: Instant,
): Promise<string> {
  const bytes = world.random.bytes(8)
  const number =
    new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0) % 1_000_000_000_000_000n
  const serial = String(number).padStart(15, '0')
  const end = cardEnd(world.rules, latestBirthDate(resident.attributes), at)
  await tx
    .insertInto('card')
    .values({
      id: cardId,
      resident_id: resident.id,
      serial,
      expires_at: end,
      state: 'active',
      issued_at: at,
    })
    .execute()
  return serial
}

async function activeCard(
  db: Pick<Transaction<AuthorityTables>, 'selectFrom'>,
  residentId: string,
) {
  return db
    .selectFrom('card')
    .select(['id', 'serial', 'expires_at'])
    .where('resident_id', '=', residentId)
    .where('state', '=', 'active')
    .executeTakeFirst()
}

async function newestAuthentication(tx: Transaction<AuthorityTables>, residentId: string) {
  const row = await tx
    .selectFrom('certificate')
    .select(['issuer_key_id', 'serial'])
    .where('resident_id', '=', residentId)
    .where('ca', '=', 'authentication')
    .orderBy('not_before', 'desc')
    .executeTakeFirst()
  return row === undefined ? undefined : { issuerKeyId: row.issuer_key_id, serial: row.serial }
}

async function authenticationEnd(
  tx: Transaction<AuthorityTables>,
  cardId: string,
): Promise<Instant | undefined> {
  const row = await tx
    .selectFrom('certificate')
    .select('not_after')
    .where('card_id', '=', cardId)
    .where('ca', '=', 'authentication')
    .where('state', '<>', 'revoked')
    .executeTakeFirst()
  return row?.not_after
}

async function revokeSignature(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  at: Instant,
): Promise<void> {
  await tx
    .updateTable('certificate')
    .set({ state: 'revoked', reason: 'superseded', revoked_at: at })
    .where('resident_id', '=', residentId)
    .where('ca', '=', 'signature')
    .where('state', 'in', ['valid', 'held'])
    .execute()
}

async function record(
  tx: Transaction<AuthorityTables>,
  world: World,
  residentId: string,
  kind: string,
  at: Instant,
): Promise<void> {
  await tx
    .insertInto('event')
    .values({ id: world.random.uuidv7(at), resident_id: residentId, kind, at })
    .execute()
}

function materialOf(key: CardKey, issued: Issued) {
  return { privateKey: key.pkcs8, certificate: issued.der, caCertificate: issued.caCertificate }
}

function dayText(at: Instant): string {
  const { year, month, day } = dateInJapan(at)
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}
