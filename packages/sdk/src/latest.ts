/** The latest attributes of people who agreed to that before. */
import {
  type LatestAnswer,
  latestAnswer,
  latestConsentCreated,
  type LatestConsentRequest,
} from '@sekisho/contract'
import type { Link } from './link.ts'

/** What there is to do about a new name or address (scope `change`). */
export type LatestAttributes = {
  /**
   * Has the text of a consent made. Send the person to sign it: `beginSigning(id)`, then `finishSigning(callback, pending, document)`. The
   * same key with the same content answers the same.
   *
   * ```js
   * const { id, document } = await sekisho.askLatestConsent({ subject, attributes: ['address'], days: 365 }, customerId)
   * ```
   */
  askLatestConsent(
    request: LatestConsentRequest,
    idempotencyKey: string,
  ): Promise<{ readonly id: string; readonly document: Uint8Array; readonly expiresAt: string }>
  /**
   * The attributes of today, without a card step. `consent-missing` when no consent is signed, in force and not used up.
   *
   * ```js
   * const { attributes, difference } = await sekisho.fetchLatest(subject)
   * if (difference === 'moved') store(attributes.address.formatted)
   * ```
   */
  fetchLatest(subject: string): Promise<LatestAnswer>
}

/** The calls. */
export function latestAttributesOf(link: Link): LatestAttributes {
  return {
    askLatestConsent: async (request, idempotencyKey) => {
      const { id, text, expiresAt } = latestConsentCreated.parse(
        await link.call('POST', '/v1/latest-consents', 'change', {
          body: request,
          idempotencyKey,
          isSafe: true,
        }),
      )
      return { id, document: new TextEncoder().encode(text), expiresAt }
    },
    fetchLatest: async subject =>
      latestAnswer.parse(
        await link.call('POST', '/v1/latest-attributes', 'change', {
          body: { subject },
          // Each answered question is a use of the consent.
          isSafe: false,
        }),
      ),
  }
}
