/** What the platform sends to a provider of its own accord: security events and logout tokens, verified before anything of them is believed. */
import { type ChangeMeaning, changeMeaning } from '@sekisho/contract'
import { z } from 'zod'
import { SekishoError } from './failure.ts'
import type { Link } from './link.ts'

/** A verified event. `id` is unique: one that was handled before is done with. */
export type SekishoEvent =
  | {
      readonly kind: 'changed'
      readonly id: string
      readonly subject: string
      readonly meaning: ChangeMeaning
    }
  | {
      /** Two of your subjects are one person, or one is two; see the protocol on identity links. */
      readonly kind: 'merged' | 'split'
      readonly id: string
      readonly subject: string
      readonly other: string | undefined
    }
  | { readonly kind: 'verification'; readonly id: string; readonly state: string | undefined }

const token = z.object({
  jti: z.string().min(1),
  sub_id: z.object({ sub: z.string().optional() }).loose().optional(),
  events: z.record(z.string(), z.record(z.string(), z.unknown())),
})

const logout = z.object({
  jti: z.string().min(1),
  sub: z.string().min(1),
  nonce: z.undefined().optional(),
  events: z.object({ 'http://schemas.openid.net/event/backchannel-logout': z.object({}).loose() }),
})

/** Verifies what arrives at a provider's addresses. */
export type Events = {
  /**
   * Verifies a security event token as it was pushed or polled (RFC 8417). Rejects with `signature-invalid` for one that is not the
   * platform's, not for you, or of no known kind.
   *
   * ```js
   * const event = await sekisho.readEvent(await request.text()) // then answer 202
   * if (event.kind === 'changed' && event.meaning === 'ask-for-update') askForUpdate(event.subject)
   * ```
   */
  readEvent(jws: string): Promise<SekishoEvent>
  /** Verifies a logout token (OpenID Connect Back-Channel Logout 1.0): whose sessions you are to end. Rejects with `signature-invalid`. */
  readLogout(jws: string): Promise<{ readonly id: string; readonly subject: string }>
}

/** Makes the reader of events over a link. */
export function eventsOf(link: Link): Events {
  return {
    readEvent: async jws => {
      const { jti: id, sub_id, events } = parsed(token, await link.verify(jws, 'secevent+jwt'))
      const subject = sub_id?.sub ?? ''
      for (const [name, event] of Object.entries(events)) {
        if (name.endsWith('/verification'))
          return { kind: 'verification', id, state: textOf(event.state) }
        if (subject === '') break
        if (name === 'urn:sekisho:secevent:person-changed')
          return { kind: 'changed', id, subject, meaning: parsed(changeMeaning, event.meaning) }
        if (name === 'urn:sekisho:secevent:subjects-merged')
          return { kind: 'merged', id, subject, other: textOf(event.other) }
        if (name === 'urn:sekisho:secevent:subject-split')
          return { kind: 'split', id, subject, other: textOf(event.other) }
      }
      throw new SekishoError('signature-invalid')
    },
    readLogout: async jws => {
      const { jti: id, sub: subject } = parsed(logout, await link.verify(jws, 'logout+jwt'))
      return { id, subject }
    },
  }
}

function parsed<T>(shape: z.ZodType<T>, value: unknown): T {
  const found = shape.safeParse(value)
  if (found.success) return found.data
  throw new SekishoError('signature-invalid', { cause: found.error })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
