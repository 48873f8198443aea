/** Logins that are finished elsewhere: by a code on a television (RFC 8628), or at the person's own page after a call (CIBA). */
import { acr } from '@sekisho/contract'
import * as oidc from 'openid-client'
import { type Arrival, arrivalOf, type IdentityScope } from './arrival.ts'
import type { Link } from './link.ts'

/** A login that waits for its person. JSON, to be kept until it is finished. */
export type WaitingLogin = {
  readonly kind: 'device' | 'back-channel'
  readonly id: string
  readonly intervalSeconds: number
  readonly expiresInSeconds: number
  readonly acr: string
}

/** What a television shows. */
export type DeviceCode = {
  /** To be typed on a phone or computer. */
  readonly userCode: string
  /** Where. */
  readonly address: string
  readonly waiting: WaitingLogin
}

/** Logins that are finished elsewhere (grants `device_code` and `ciba` in your registration). */
export type WaitingLogins = {
  /**
   * Begins a login of a television: show code and address. `deviceName` is what the person knows it as.
   *
   * ```js
   * const { userCode, address, waiting } = await sekisho.beginDevice({ deviceName: '居間のテレビ' })
   * ```
   */
  beginDevice(given?: {
    readonly scopes?: readonly IdentityScope[]
    readonly deviceName?: string
  }): Promise<DeviceCode>
  /**
   * Asks one of your own people, who types `message` (four to twelve letters and digits, shown or read to them) at their own page.
   *
   * ```js
   * const waiting = await sekisho.askPerson({ subject, message: 'K7M2' })
   * ```
   */
  askPerson(given: {
    readonly subject: string
    readonly message: string
    readonly scopes?: readonly IdentityScope[]
  }): Promise<WaitingLogin>
  /**
   * Waits for the person, asking at the interval and more slowly when told so. `consent-refused` when they refused, `grant-ended` when it ran out.
   *
   * ```js
   * const { subject } = await sekisho.awaitPerson(waiting)
   * ```
   */
  awaitPerson(waiting: WaitingLogin, signal?: AbortSignal): Promise<Arrival>
}

/** The calls. */
export function waitingLoginsOf(link: Link): WaitingLogins {
  return {
    beginDevice: async ({ scopes = [], deviceName } = {}) => {
      const asked = askedFor(scopes)
      const begun = await oidc.initiateDeviceAuthorization(await link.config(), {
        ...asked,
        ...(deviceName === undefined ? {} : { device_name: deviceName }),
      })
      const { user_code: userCode, verification_uri: address } = begun
      const id = begun.device_code
      return { userCode, address, waiting: waitingFor('device', id, begun, asked.acr_values) }
    },
    askPerson: async ({ subject, message, scopes = [] }) => {
      const asked = askedFor(scopes)
      const begun = await oidc.initiateBackchannelAuthentication(await link.config(), {
        ...asked,
        login_hint: subject,
        binding_message: message,
      })
      return waitingFor('back-channel', begun.auth_req_id, begun, asked.acr_values)
    },
    awaitPerson: async (waiting, signal) => {
      const config = await link.config()
      const { id, intervalSeconds: interval, expiresInSeconds: expires_in } = waiting
      const options = { ...(await link.proof()), ...(signal === undefined ? {} : { signal }) }
      const common = { interval, expires_in }
      const tokens =
        waiting.kind === 'device'
          ? await oidc.pollDeviceAuthorizationGrant(
              config,
              { ...common, device_code: id, user_code: '', verification_uri: '' },
              undefined,
              options,
            )
          : await oidc.pollBackchannelAuthenticationGrant(
              config,
              { ...common, auth_req_id: id },
              undefined,
              options,
            )
      return arrivalOf(link, tokens, waiting.acr)
    },
  }
}

function askedFor(scopes: readonly IdentityScope[]) {
  return {
    scope: ['openid', ...scopes].join(' '),
    acr_values: scopes.length === 0 ? acr.card : acr.cardSigned,
  }
}

function waitingFor(
  kind: WaitingLogin['kind'],
  id: string,
  begun: { readonly interval?: number; readonly expires_in: number },
  acrValue: string,
): WaitingLogin {
  const { interval = defaultIntervalSeconds, expires_in: expiresInSeconds } = begun
  return { kind, id, intervalSeconds: interval, expiresInSeconds, acr: acrValue }
}

/** RFC 8628 §3.2. */
const defaultIntervalSeconds = 5
