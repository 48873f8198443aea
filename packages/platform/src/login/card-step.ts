/**
 * The card step that a provider's request needs, by whichever way it came (browser, device code, back channel): what is asked, begun and
 * finished. One kind each: login, identify, sign.
 */
import { acr, Refusal } from '@sekisho/contract'
import type { ReaderRequest, SignRequest } from '@sekisho/contract/reader'
import { parseCertificate } from '@sekisho/pki'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import { fromBase64Url, parseAnswer } from '../confirm/answer.ts'
import { finishIdentify } from '../confirm/identify.ts'
import { finishLogin, type Following } from '../confirm/login.ts'
import { keepRelease } from '../confirm/release.ts'
import { finishSign, waitingTransaction } from '../confirm/sign.ts'
import { attributeScopes, type AttributeScope, composeStatement } from '../confirm/statement.ts'
import type { Step } from '../confirm/step.ts'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { messages } from '../message.ts'
import { activeProvider, assertActive, type Provider } from '../providers/registry.ts'
import type { Linked } from '../people/link.ts'
import { beginSession, sessionMs, sessionStatement } from '../session/provider-session.ts'
import type { World } from '../world.ts'
import { beginCeremony, type Browser } from './ceremony.ts'
import { type CardPage, identifyPage, loginPage, signPage } from './interaction-page.ts'
import type { Interaction, OpenId, Outcome } from './open-id.ts'

/** What is asked of the person. */
export type CardAsked = Pick<
  Interaction,
  | 'uid'
  | 'providerId'
  | 'provider'
  | 'scopes'
  | 'acr'
  | 'signingTransaction'
  | 'documentSha256'
  | 'isStanding'
>

/** What a step works with. */
export type CardStepWorld = { readonly world: World; readonly openId: OpenId }

/** A release outlives the tokens that can read it. */
const releaseLifetimeMs = 20 * 60 * 1000

/** Begins the card step and composes its page. `url` is that of the page, where the person may have chosen to release less. */
export async function askCard(
  world: World,
  asked: CardAsked,
  browser: Browser,
  { url, ...page }: Omit<CardPage, 'request'> & { readonly url: string },
): Promise<string> {
  const chosen = attributesChosen(asked, url)
  const begun = await begin(world, page.provider, asked, { browser, attributes: chosen })
  switch (begun.kind) {
    case 'login':
      return loginPage({ ...page, ...begun })
    case 'sign':
      return signPage({ ...page, ...begun })
    case 'identify':
      return identifyPage({ ...page, ...begun })
    default:
      return begun satisfies never
  }
}

/** Begins the card step that the interaction needs, and says what its page shows. */
async function begin(
  world: World,
  provider: Provider,
  interaction: CardAsked,
  {
    browser,
    attributes,
  }: { readonly browser: Browser; readonly attributes: readonly AttributeScope[] },
) {
  const begun = { uid: interaction.uid, providerId: provider.id, browser }
  const kind = kindOf(interaction)
  if (kind === 'login') {
    const { id, challenge } = await beginCeremony(world.store, world.random, { ...begun, kind })
    const request: ReaderRequest = { v: 1, type: 'authenticate', id, purpose: 'login', challenge }
    return { kind, request }
  }
  if (kind === 'sign') {
    const waiting = await meantTransaction(world, provider, interaction)
    const { title, mediaType, document, format } = waiting
    const signingTime = format === 'raw' ? null : wholeSeconds(world.clock.now())
    const { id } = await beginCeremony(world.store, world.random, {
      ...begun,
      kind,
      document,
      transactionId: waiting.id,
      signingTime,
    })
    const container =
      format === 'raw' || signingTime === null
        ? undefined
        : { format, signingTime: new Date(signingTime).toISOString().replace('.000Z', 'Z') }
    const request = signRequest(id, 'sign', { title, mediaType, document, container })
    return { kind, waiting, request }
  }
  const statement = composeStatement({
    provider,
    issuer: world.issuer,
    attributes,
    at: world.clock.now(),
    number: world.random.token(128),
    isStanding: interaction.isStanding,
  })
  const { id } = await beginCeremony(world.store, world.random, {
    ...begun,
    kind,
    statement,
    attributes,
  })
  const document = {
    title: '本人確認と情報提供の同意書',
    mediaType: 'text/plain',
    document: statement,
  } as const
  const offered = attributesAsked(interaction)
  return { kind, attributes, offered, statement, request: signRequest(id, 'identify', document) }
}

/**
 * Receives the reader's answer, keeps what came of it, and makes grant and session at the provider. `conclude` tells what the outcome means for
 * whoever asked; of a login it is part of the one transaction, and touches the database only through the OpenID Provider.
 */
export function finishCard<T>(
  given: CardStepWorld,
  step: Step,
  interaction: CardAsked,
  text: string,
  conclude: (outcome: Outcome) => Promise<T>,
): Promise<T>
/** The same where the outcome is told elsewhere. */
export function finishCard(
  given: CardStepWorld,
  step: Step,
  interaction: CardAsked,
  text: string,
): Promise<Outcome>
export async function finishCard(
  given: CardStepWorld,
  step: Step,
  interaction: CardAsked,
  text: string,
  conclude: (outcome: Outcome) => Promise<unknown> = outcome => Promise.resolve(outcome),
): Promise<unknown> {
  const { world } = given
  const answer = parseAnswer(text)
  const kind = kindOf(interaction)
  if (kind === 'login') {
    if (answer.type !== 'authenticated') throw new Refusal('ceremony-malformed')
    return finishLogin(world, step, answer, (tx, linked) =>
      followLogin(given, interaction, { ...linked, tx }, conclude),
    )
  }
  if (answer.type !== 'signed') throw new Refusal('ceremony-malformed')
  if (kind === 'sign') {
    const waiting = await meantTransaction(world, step.provider, interaction)
    const personId = await finishSign(world, step, waiting, answer)
    const scopes = ['openid', 'sign']
    const done = { personId, acr: acr.cardSigned, scopes }
    return conclude(await outcomeOf(given, interaction, serialOf(answer), done))
  }
  const identified = await finishIdentify(world, step, answer, attributesAsked(interaction))
  const { personId, attributes } = identified
  const scopes = ['openid', ...attributes]
  const done = { personId, acr: acr.cardSigned, scopes }
  const outcome = await outcomeOf(given, interaction, serialOf(answer), done)
  await keepRelease(world, {
    grantId: outcome.grantId,
    providerId: step.provider.id,
    identified,
    expiresAt: protocolNow() + (interaction.isStanding ? sessionMs : releaseLifetimeMs),
  })
  return conclude(outcome)
}

/** Grant, session and conclusion of a login, to be written in its transaction. */
async function followLogin<T>(
  given: CardStepWorld,
  interaction: CardAsked,
  { personId, certificateId, tx }: Linked & { readonly tx: Transaction<PlatformTables> },
  conclude: (outcome: Outcome) => Promise<T>,
): Promise<Following<T>> {
  const { providerId, isStanding } = interaction
  const { result, writes } = await given.openId.collect(async () => {
    const outcome = await grantOf(given, interaction, {
      personId,
      acr: acr.card,
      scopes: ['openid'],
    })
    return { grantId: outcome.grantId, concluded: await conclude(outcome) }
  })
  const { grantId, concluded } = result
  const session = { grantId, personId, providerId, certificateId, isStanding }
  return { result: concluded, writes: [writes, sessionStatement(tx, session)] }
}

function serialOf(answer: { readonly certificate: string }): string {
  return parseCertificate(fromBase64Url(answer.certificate)).serialHex
}

/** Makes the grant of what was done with the certificate of a serial, and begins the session at the provider. */
export async function outcomeOf(
  given: CardStepWorld,
  interaction: CardAsked,
  serial: string,
  done: Pick<Outcome, 'personId' | 'acr' | 'scopes'>,
): Promise<Outcome> {
  const outcome = await grantOf(given, interaction, done)
  const { personId, grantId } = outcome
  const { providerId, isStanding } = interaction
  await beginSession(given.world.store, { grantId, personId, providerId, serial, isStanding })
  return outcome
}

async function grantOf(
  given: CardStepWorld,
  { providerId, isStanding }: CardAsked,
  { personId, ...done }: Pick<Outcome, 'personId' | 'acr' | 'scopes'>,
): Promise<Outcome> {
  const scopes = isStanding ? [...done.scopes, 'offline_access'] : done.scopes
  const grantId = await given.openId.createGrant({ personId, providerId, scopes })
  const authTime = Math.floor(protocolNow() / 1000)
  return { personId, acr: done.acr, grantId, scopes, authTime }
}

/** The active provider, if all it asks for is within its contract. Refusals `provider-…`, `scope-exceeded`. */
export async function admittedProvider(world: World, interaction: CardAsked): Promise<Provider> {
  const provider =
    interaction.provider === undefined
      ? await activeProvider(world.store, interaction.providerId)
      : assertActive(interaction.provider)
  const contracted: ReadonlySet<string> = provider.scopes
  const needed = kindOf(interaction) === 'sign' ? ['sign'] : []
  const beyond = [...interaction.scopes, ...needed].find(scope => !contracted.has(scope))
  if (beyond === undefined) return provider
  world.log.write(messages['platform.scope-refused'], { provider: provider.id, scope: beyond })
  throw new Refusal('scope-exceeded', { scope: beyond })
}

export function kindOf(interaction: CardAsked): 'login' | 'identify' | 'sign' {
  if (interaction.signingTransaction !== undefined) return 'sign'
  return interaction.acr === acr.card ? 'login' : 'identify'
}

function attributesAsked(interaction: CardAsked): readonly AttributeScope[] {
  return attributeScopes.filter(scope => interaction.scopes.includes(scope))
}

/** The transaction that is to be signed. Refusal `intent-mismatch` when its document is not the one that the request names. */
async function meantTransaction(world: World, provider: Provider, asked: CardAsked) {
  const waiting = await waitingTransaction(world, provider, asked.signingTransaction ?? '')
  const { documentSha256 } = asked
  if (documentSha256 !== undefined && documentSha256 !== sha256Hex(waiting.document))
    throw new Refusal('intent-mismatch')
  return waiting
}

/** Of what is asked, what the person left ticked; everything before they chose. */
function attributesChosen(interaction: CardAsked, url: string): readonly AttributeScope[] {
  const asked = attributesAsked(interaction)
  const query = new URL(url, 'http://localhost').searchParams
  return query.has('chosen') ? asked.filter(scope => query.getAll('with').includes(scope)) : asked
}

export function signRequest(
  id: string,
  purpose: 'identify' | 'sign',
  given: {
    readonly title: string
    readonly mediaType: 'text/plain' | 'application/json' | 'application/pdf'
    readonly document: Uint8Array
    readonly container?: SignRequest['container']
  },
): ReaderRequest {
  const { container, ...shown } = given
  const document = Buffer.from(given.document).toString('base64')
  const made = container === undefined ? {} : { container }
  return { v: 1, type: 'sign', id, purpose, ...shown, ...made, document }
}

/** Containers tell time in whole seconds. */
function wholeSeconds(at: number): number {
  return Math.floor(at / 1000) * 1000
}
