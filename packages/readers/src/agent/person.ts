import type { CardReason, SecretKind } from '@sekisho/card'
import type { Asked } from '../asked.ts'

/**
 * The person before the agent: what the agent asks and shows. Every question ends early, as if cancelled, when `signal`
 * is aborted because the page went away. A terminal is one implementation (`terminalPerson`), a window could be another.
 */
export interface AgentPerson {
  /** May this origin use the card reader? Asked once per origin. */
  allowOrigin(origin: string, signal: AbortSignal): Promise<boolean>
  /** Shows who asks for what, with the whole document; true to go on. */
  confirm(origin: string, asked: Asked, signal: AbortSignal): Promise<boolean>
  /**
   * Asks for the PIN or password. The bytes are ASCII and become the agent's, which zeroes them; `undefined` cancels.
   * With `triesLeft` 1 the person must have confirmed that it is the last: `isLastConfirmed`.
   */
  enterPin(
    asked: {
      readonly kind: SecretKind
      readonly triesLeft: number | undefined
      readonly trouble: CardReason | 'last-try-unconfirmed' | undefined
    },
    signal: AbortSignal,
  ): Promise<{ readonly typed: Uint8Array; readonly isLastConfirmed: boolean } | undefined>
}

/** Which origins may use the reader. */
export interface AllowedOrigins {
  isAllowed(origin: string): Promise<boolean>
  allow(origin: string): Promise<void>
}
