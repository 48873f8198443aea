/** What the three card steps have in common. */
import { Refusal } from '@sekisho/contract'
import type { Provider } from '../providers/registry.ts'
import type { Browser } from '../login/ceremony.ts'

/** A step of one browser at one provider, as the pages know it. */
export type Step = {
  readonly uid: string
  readonly provider: Provider
  readonly browser: Browser | undefined
  /** The platform's own origin, which a reader must have attested. */
  readonly origin: string
  /** The only person who may finish it, where that is known before the card. */
  readonly personId?: string
}

/** Refusal `signer-is-another` when the card is not that of the only person who may finish a step. */
export function assertPerson(step: Step, personId: string): void {
  if (step.personId !== undefined && step.personId !== personId)
    throw new Refusal('signer-is-another')
}
