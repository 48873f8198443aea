/** The form of a refusal in the closed list. */

/** Who can put the matter right. */
export type Actor = 'citizen' | 'provider' | 'municipality' | 'authority' | 'operator'

/** `never`: the same request will always be refused. `after-remedy`: once the actor has acted. `later`: by itself. */
export type Retry = 'never' | 'after-remedy' | 'later'

export type Entry = {
  readonly status: number
  readonly actor: Actor
  readonly retry: Retry
  /** What happened, Japanese and English. */
  readonly ja: string
  readonly en: string
  /** What the actor does now, Japanese and English. */
  readonly remedyJa: string
  readonly remedyEn: string
}

/** A refusal: status, actor, retry, then what happened and what to do in Japanese, and both in English. */
export const entry = (
  status: number,
  actor: Actor,
  retry: Retry,
  ja: string,
  remedyJa: string,
  en: string,
  remedyEn: string,
): Entry => ({ status, actor, retry, ja, en, remedyJa, remedyEn })
