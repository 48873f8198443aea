/**
 * Passkeys (W3C WebAuthn): how staff and providers' people prove who they are. The authenticator must verify its user; a credential
 * that is only present proves nothing. Each question is bound to the browser that it was put to and serves once.
 */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { jsonb, type Store, type Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'

const text = z.string().max(16_384)

/** What a browser answers when a credential was made (`RegistrationResponseJSON`); the rest is not read. */
export const registrationAnswer = z.object({
  id: text,
  rawId: text,
  type: z.literal('public-key'),
  response: z.object({ clientDataJSON: text, attestationObject: text }),
})

/** What a browser answers when somebody proved themself (`AuthenticationResponseJSON`). */
export const assertionAnswer = z.object({
  id: text,
  rawId: text,
  type: z.literal('public-key'),
  response: z.object({ clientDataJSON: text, authenticatorData: text, signature: text }),
})

/** What follows from a proof, in the transaction that uses its question up. */
type Then<T> = (tx: Transaction<PlatformTables>, holder: string, detail: unknown) => Promise<T>

/**
 * Makes the passkeys of an origin, where `browser` is the secret of the asking browser's cookie; `area` begins the name of every holder there, so that one console's
 * people are nobody in another.
 */
export function createPasskeys(given: {
  readonly store: Store<PlatformTables>
  readonly random: Random
  readonly publicOrigin: string
  readonly area: 'staff' | 'provider'
}) {
  const { store, random, publicOrigin, area } = given
  const { hostname } = new URL(publicOrigin)

  const ask = async (
    browser: string,
    question: { challenge: string; holder: string | null; detail?: unknown },
  ): Promise<void> => {
    const { challenge, holder, detail } = question
    const row = {
      challenge,
      holder,
      detail: detail === undefined ? null : jsonb(detail),
      expires_at: protocolNow() + questionMs,
    }
    await store.transaction(tx =>
      tx
        .insertInto('passkey_question')
        .values({ browser: digest(browser), ...row })
        .onConflict(conflict => conflict.column('browser').doUpdateSet(row))
        .execute(),
    )
  }
  const asked = async (browser: string) => {
    const found = await store.transaction(tx =>
      tx
        .deleteFrom('passkey_question')
        .where('browser', '=', digest(browser))
        .returning(['challenge', 'holder', 'detail', 'expires_at'])
        .executeTakeFirst(),
    )
    if (found === undefined || found.expires_at <= protocolNow())
      throw new Refusal('passkey-unverified')
    return found
  }

  return {
    /** What a browser makes a credential by; `detail` comes back with its answer. */
    async askRegistration(
      browser: string,
      person: { readonly id: string; readonly name: string },
      detail?: unknown,
    ) {
      const options = await generateRegistrationOptions({
        rpName: 'Sekisho',
        rpID: hostname,
        userName: person.id,
        userDisplayName: person.name,
        challenge: random.bytes(challengeBytes).slice(),
        attestationType: 'none',
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: algorithms,
        timeout: questionMs,
      })
      await ask(browser, { challenge: options.challenge, holder: `${area}:${person.id}`, detail })
      return options
    },

    /**
     * Takes a new credential. Refusal `passkey-unverified` when its user was not verified or anything else about it is wrong; what
     * `then` refuses is refused, and no credential kept.
     */
    async takeRegistration<T>(
      browser: string,
      answer: z.infer<typeof registrationAnswer>,
      at: Instant,
      then: Then<T>,
    ): Promise<T> {
      const { challenge, holder, detail } = await asked(browser)
      if (holder === null) throw new Refusal('passkey-unverified')
      const verified = await unlessWrong(() =>
        verifyRegistrationResponse({
          response: { ...answer, clientExtensionResults: {} },
          expectedChallenge: challenge,
          expectedOrigin: publicOrigin,
          expectedRPID: hostname,
          requireUserVerification: true,
          supportedAlgorithmIDs: algorithms,
        }),
      )
      const credential = verified?.verified === true ? verified.registrationInfo.credential : null
      if (credential === null) throw new Refusal('passkey-unverified')
      return store.transaction(async tx => {
        const added = await tx
          .insertInto('passkey')
          .values({
            credential_id: credential.id,
            holder,
            public_key: credential.publicKey,
            counter: credential.counter,
            added_at: at,
          })
          .onConflict(conflict => conflict.column('credential_id').doNothing())
          .returning('credential_id')
          .executeTakeFirst()
        if (added === undefined) throw new Refusal('passkey-unverified')
        return then(tx, idOf(holder), detail)
      })
    },

    /** What a browser is asked for. Nobody is named: the credential says who it is. */
    async askAssertion(browser: string) {
      const options = await generateAuthenticationOptions({
        rpID: hostname,
        challenge: random.bytes(challengeBytes).slice(),
        userVerification: 'required',
        timeout: questionMs,
      })
      await ask(browser, { challenge: options.challenge, holder: null })
      return options
    },

    /**
     * Who answered. Refusal `passkey-unverified`: not a credential of this area, its user not verified, a signature that does not fit,
     * a counter that went back.
     */
    async takeAssertion<T>(
      browser: string,
      answer: z.infer<typeof assertionAnswer>,
      then: Then<T>,
    ): Promise<T> {
      const { challenge, holder } = await asked(browser)
      const found = await store.read(db =>
        db
          .selectFrom('passkey')
          .select(['holder', 'public_key', 'counter'])
          .where('credential_id', '=', answer.id)
          .executeTakeFirst(),
      )
      if (found === undefined || holder !== null || !found.holder.startsWith(`${area}:`))
        throw new Refusal('passkey-unverified')
      const { counter } = found
      const verified = await unlessWrong(() =>
        verifyAuthenticationResponse({
          response: { ...answer, clientExtensionResults: {} },
          expectedChallenge: challenge,
          expectedOrigin: publicOrigin,
          expectedRPID: hostname,
          credential: { id: answer.id, publicKey: new Uint8Array(found.public_key), counter },
          requireUserVerification: true,
        }),
      )
      if (verified?.verified !== true || !verified.authenticationInfo.userVerified)
        throw new Refusal('passkey-unverified')
      const { newCounter } = verified.authenticationInfo
      return store.transaction(async tx => {
        const counted = await tx
          .updateTable('passkey')
          .set({ counter: newCounter })
          .where('credential_id', '=', answer.id)
          .where('counter', '=', counter)
          .returning('credential_id')
          .executeTakeFirst()
        if (counted === undefined) throw new Refusal('passkey-unverified')
        return then(tx, idOf(found.holder), null)
      })
    },
  }
}

/** The library tells every fault of an answer by an error without a code; whatever it is, nobody was verified. */
async function unlessWrong<T>(verify: () => Promise<T>): Promise<T | undefined> {
  try {
    return await verify()
  } catch {
    return undefined
  }
}

function idOf(holder: string): string {
  return holder.slice(holder.indexOf(':') + 1)
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}

/** ES256, EdDSA and RS256 (RFC 8152, RFC 8812): what authenticators make. */
const algorithms = [-7, -8, -257]
const challengeBytes = 32
const questionMs = 2 * 60_000
