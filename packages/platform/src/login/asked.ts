/** What a provider asks for, as the card step needs it. */
import { type Acr, acr } from '@sekisho/contract'
import { z } from 'zod'
import { attributeScopes } from '../confirm/statement.ts'
import { readSigningIntent } from './signing-intent.ts'

/** What a provider asked for, whichever way it asked. */
export type Asked = {
  readonly uid: string
  readonly providerId: string
  readonly scopes: readonly string[]
  readonly acr: Acr
  readonly signingTransaction: string | undefined
  /** SHA-256 (hex) of the document that the provider means, where it says so. */
  readonly documentSha256: string | undefined
  /** Whether a refresh token is asked for that the provider may have. */
  readonly isStanding: boolean
  /** Whether only authentication contexts are asked for that there are none of. */
  readonly isAcrUnmet: boolean
  /** Whether a login at another provider may answer it: asked for by its context, with nothing that only a card can do. */
  readonly isGatewayFit: boolean
  /** What the provider knows of who comes (`login_hint`): a ticket of the portal, or nothing that counts. */
  readonly hint: string | undefined
  /** How old a card step may be, in seconds (`max_age`; 0 with `prompt=login`); undefined: as old as it is. */
  readonly ageMax: number | undefined
  /** Language that the provider asks for (`ui_locales`). */
  readonly lang: 'ja' | 'en' | undefined
}

/** What a card with PIN proves (RFC 8176). */
export const cardMethods: readonly string[] = ['hwk', 'mfa', 'pin', 'sc']

/** What the parameters of a request ask for. `uid` names it among the card steps. */
export function askedOf(params: Readonly<Record<string, unknown>>, uid: string): Asked {
  const { client_id, scope, acr_values, signing_transaction, ui_locales } = params
  const { login_hint, max_age, prompt } = params
  const intent = readSigningIntent(params['authorization_details'])
  const transaction = intent?.transaction ?? signing_transaction
  const essential = essentialAcr(params['claims'])
  const wanted =
    essential ??
    textOf(acr_values)
      .split(' ')
      .filter(value => value !== '')
  const scopes = textOf(scope).split(' ')
  // Attributes and signatures can only come from the signature certificate, whatever was asked for.
  const isSigned =
    wanted.includes(acr.cardSigned) ||
    transaction !== undefined ||
    attributeScopes.some(attribute => scopes.includes(attribute))
  const isStanding = scopes.includes('offline_access')
  const isFresh = max_age !== undefined || textOf(prompt).split(' ').includes('login')
  return {
    uid,
    providerId: textOf(client_id),
    scopes,
    acr: isSigned ? acr.cardSigned : acr.card,
    isStanding,
    isAcrUnmet:
      (essential !== undefined || wanted.length > 0) &&
      // Who wishes for the weakest is content with the card; who demands it would have to be given it.
      !wanted.some(
        value => offered.has(value) || (essential === undefined && value === acr.gateway),
      ),
    isGatewayFit:
      essential === undefined &&
      wanted.includes(acr.gateway) &&
      !isSigned &&
      !isStanding &&
      !isFresh,
    signingTransaction: transaction === undefined ? undefined : textOf(transaction),
    documentSha256: intent?.documentSha256,
    hint: typeof login_hint === 'string' ? login_hint : undefined,
    ageMax: textOf(prompt).split(' ').includes('login')
      ? 0
      : max_age === undefined
        ? undefined
        : Number(max_age),
    lang: langAsked(textOf(ui_locales)),
  }
}

const offered: ReadonlySet<string> = new Set([acr.card, acr.cardSigned])

/** The contexts of which the ID token must have one (OpenID Connect Core §5.5.1.1); undefined when none is demanded. */
function essentialAcr(claims: unknown): readonly string[] | undefined {
  const parsed = acrDemand.safeParse(jsonOf(textOf(claims)))
  const demand = parsed.success ? parsed.data.id_token?.acr : undefined
  if (demand?.essential !== true) return undefined
  if (demand.value === undefined && demand.values === undefined) return undefined
  return demand.value === undefined ? (demand.values ?? []) : [demand.value]
}

const acrDemand = z.looseObject({
  id_token: z
    .looseObject({
      acr: z
        .looseObject({
          essential: z.boolean().optional(),
          value: z.string().optional(),
          values: z.array(z.string()).optional(),
        })
        .nullish(),
    })
    .nullish(),
})

function jsonOf(text: string): unknown {
  // Almost always; an exception costs more than the rest of the reading.
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The first language of a list (BCP 47 tags) that the screens speak. */
function langAsked(locales: string): 'ja' | 'en' | undefined {
  const found = locales
    .split(' ')
    .map(tag => /^(ja|en)(?:-|$)/i.exec(tag)?.[1]?.toLowerCase())
    .find(tag => tag !== undefined)
  return found === 'ja' || found === 'en' ? found : undefined
}

/** A parameter of the request; the library has refused repeated ones, so it is one text or absent. */
function textOf(parameter: unknown): string {
  return typeof parameter === 'string' ? parameter : ''
}
