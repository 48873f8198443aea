/**
 * Operators prove themselves with their own body (flows.md §21, 1): an authenticator that verifies its user (WebAuthn), registered once by a
 * code, asked for every session at a terminal. Presence alone is not enough.
 */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { z } from 'zod'
import { sha256 } from './terminal.ts'
import { type AtTerminal, type LoadingWorld, note } from './world.ts'

const text = z.string().max(16_384)

/** What a browser answers when an authenticator was registered (`RegistrationResponseJSON`); the rest is not read. */
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

/** Registers an operator, or gives them a code for another authenticator. Refusal `loading-enrolment-unknown` for one who left. */
export async function registerOperator(
  world: LoadingWorld,
  operator: { readonly id: string; readonly name: string },
): Promise<{ readonly enrolment: string }> {
  const enrolment = world.random.token(enrolmentBits)
  const { name } = operator
  const code = {
    enrolment: sha256(enrolment),
    enrolment_until: protocolNow() + world.rules.enrolmentMs,
  }
  const added = await world.store.transaction(tx =>
    tx
      .insertInto('loading_operator')
      .values({
        id: operator.id,
        name,
        credential_id: null,
        public_key: null,
        counter: 0,
        ...code,
        state: 'active',
        registered_at: world.clock.now(),
      })
      .onConflict(conflict =>
        conflict
          .column('id')
          .doUpdateSet({ name, ...code })
          .where('loading_operator.state', '=', 'active'),
      )
      .returning('id')
      .executeTakeFirst(),
  )
  if (added === undefined) throw new Refusal('loading-enrolment-unknown')
  return { enrolment }
}

/** An operator is one no more, at once and at every terminal. Refusal `loading-operator-unverified` for nobody. */
export async function withdrawOperator(world: LoadingWorld, id: string): Promise<void> {
  await world.store.transaction(async tx => {
    const found = await tx
      .updateTable('loading_operator')
      .set({ state: 'withdrawn', credential_id: null, public_key: null, enrolment: null })
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    if (found === undefined) throw new Refusal('loading-operator-unverified')
    await tx.deleteFrom('loading_session').where('operator', '=', id).execute()
  })
}

/** What the browser asks an authenticator for at registration. Refusal `loading-enrolment-unknown`. */
export async function askRegistration(
  world: LoadingWorld,
  terminal: string,
  given: { readonly operator: string; readonly enrolment: string },
) {
  const found = await world.store.read(db =>
    db
      .selectFrom('loading_operator')
      .select('name')
      .where('id', '=', given.operator)
      .where('enrolment', '=', sha256(given.enrolment))
      .where('enrolment_until', '>', protocolNow())
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  if (found === undefined) throw new Refusal('loading-enrolment-unknown')
  const { hostname } = new URL(world.publicOrigin)
  const options = await generateRegistrationOptions({
    rpName: 'Sekisho',
    rpID: hostname,
    userName: given.operator,
    userDisplayName: found.name,
    challenge: world.random.bytes(challengeBytes).slice(),
    attestationType: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: algorithms,
    timeout: challengeMs,
  })
  await ask(world, terminal, { challenge: options.challenge, operator: given.operator })
  return options
}

/**
 * Takes an authenticator's registration; the code is used up. Refusal `loading-operator-unverified` when it did not verify its user, or
 * anything else about it is wrong.
 */
export async function takeRegistration(
  world: LoadingWorld,
  terminal: string,
  answer: z.infer<typeof registrationAnswer>,
): Promise<void> {
  const { challenge, operator } = await answered(world, terminal)
  if (operator === null) throw new Refusal('loading-operator-unverified')
  const { publicOrigin } = world
  const { hostname } = new URL(publicOrigin)
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
  const credential = verified?.verified === true ? verified.registrationInfo.credential : undefined
  if (credential === undefined) return refuse(world, { terminal, operator })
  const taken = await world.store.transaction(tx =>
    tx
      .updateTable('loading_operator')
      .set({
        credential_id: credential.id,
        public_key: credential.publicKey,
        counter: credential.counter,
        enrolment: null,
        enrolment_until: null,
      })
      .where('id', '=', operator)
      .where('enrolment', 'is not', null)
      .where('state', '=', 'active')
      .returning('id')
      .executeTakeFirst(),
  )
  if (taken === undefined) throw new Refusal('loading-enrolment-unknown')
}

/** What the browser asks an authenticator for at the beginning of a session. Nobody is named: the authenticator knows who it is. */
export async function askAssertion(world: LoadingWorld, terminal: string) {
  const options = await generateAuthenticationOptions({
    rpID: new URL(world.publicOrigin).hostname,
    challenge: world.random.bytes(challengeBytes).slice(),
    userVerification: 'required',
    timeout: challengeMs,
  })
  await ask(world, terminal, { challenge: options.challenge, operator: null })
  return options
}

/**
 * Begins a session at a terminal; what the browser shows from then on. Refusal `loading-operator-unverified`: not a registered operator's
 * authenticator, its user not verified, a signature that does not fit, a counter that went back.
 */
export async function takeAssertion(
  world: LoadingWorld,
  terminal: string,
  answer: z.infer<typeof assertionAnswer>,
): Promise<string> {
  const { challenge, operator } = await answered(world, terminal)
  const found = await world.store.read(db =>
    db
      .selectFrom('loading_operator')
      .select(['id', 'public_key', 'counter'])
      .where('credential_id', '=', answer.id)
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  const key = found?.public_key ?? null
  if (found === undefined || key === null || operator !== null) return refuse(world, { terminal })
  const verified = await unlessWrong(() =>
    verifyAuthenticationResponse({
      response: { ...answer, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: world.publicOrigin,
      expectedRPID: new URL(world.publicOrigin).hostname,
      credential: { id: answer.id, publicKey: new Uint8Array(key), counter: found.counter },
      requireUserVerification: true,
    }),
  )
  const by = { terminal, operator: found.id }
  if (verified?.verified !== true || !verified.authenticationInfo.userVerified)
    return refuse(world, by)
  const session = world.random.token(sessionBits)
  await world.store.transaction(async tx => {
    await tx
      .updateTable('loading_operator')
      .set({ counter: verified.authenticationInfo.newCounter })
      .where('id', '=', found.id)
      .execute()
    await tx.deleteFrom('loading_session').where('expires_at', '<=', protocolNow()).execute()
    await tx
      .insertInto('loading_session')
      .values({
        id: sha256(session),
        ...by,
        expires_at: protocolNow() + world.rules.sessionMs,
      })
      .execute()
    await note(tx, world, { kind: 'verified', by })
  })
  return session
}

/** Who works at this terminal. Refusal `loading-operator-unverified` when nobody proved themself here, or too long ago. */
export async function requireOperator(
  world: LoadingWorld,
  terminal: string,
  session: string | undefined,
): Promise<AtTerminal & { readonly name: string }> {
  const found =
    session === undefined
      ? undefined
      : await world.store.read(db =>
          db
            .selectFrom('loading_session')
            .innerJoin('loading_operator', 'loading_operator.id', 'loading_session.operator')
            .select(['operator', 'name'])
            .where('loading_session.id', '=', sha256(session))
            .where('terminal', '=', terminal)
            .where('expires_at', '>', protocolNow())
            .where('state', '=', 'active')
            .executeTakeFirst(),
        )
  if (found === undefined) throw new Refusal('loading-operator-unverified')
  return { terminal, ...found }
}

/** Ends a session. */
export async function endSession(world: LoadingWorld, session: string): Promise<void> {
  await world.store.transaction(tx =>
    tx.deleteFrom('loading_session').where('id', '=', sha256(session)).execute(),
  )
}

async function ask(
  world: LoadingWorld,
  terminal: string,
  asked: { readonly challenge: string; readonly operator: string | null },
): Promise<void> {
  const row = { ...asked, expires_at: protocolNow() + challengeMs }
  await world.store.transaction(tx =>
    tx
      .insertInto('loading_challenge')
      .values({ terminal, ...row })
      .onConflict(conflict => conflict.column('terminal').doUpdateSet(row))
      .execute(),
  )
}

/** Uses the terminal's challenge up. Refusal `loading-operator-unverified`. */
async function answered(world: LoadingWorld, terminal: string) {
  const taken = await world.store.transaction(tx =>
    tx
      .deleteFrom('loading_challenge')
      .where('terminal', '=', terminal)
      .returning(['challenge', 'operator', 'expires_at'])
      .executeTakeFirst(),
  )
  if (taken === undefined || taken.expires_at <= protocolNow())
    throw new Refusal('loading-operator-unverified')
  return taken
}

/** The library tells every fault of an answer by an error without a code; whatever it is, nobody was verified. */
async function unlessWrong<T>(verify: () => Promise<T>): Promise<T | undefined> {
  try {
    return await verify()
  } catch {
    return undefined
  }
}

async function refuse(world: LoadingWorld, by: Partial<AtTerminal>): Promise<never> {
  const refusal = 'loading-operator-unverified'
  await world.store.transaction(tx => note(tx, world, { kind: 'unverified', by, refusal }))
  throw new Refusal(refusal)
}

/** ES256, EdDSA and RS256 (RFC 8152, RFC 8812): what platform authenticators make. */
const algorithms = [-7, -8, -257]
const enrolmentBits = 80
const sessionBits = 256
const challengeBytes = 32
const challengeMs = 2 * 60_000
