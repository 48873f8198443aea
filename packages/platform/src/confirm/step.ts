/** What the three card steps have in common. */
import type { Provider } from '../providers/registry.ts'
import type { Browser } from '../login/ceremony.ts'

/** A step of one browser at one provider, as the pages know it. */
export type Step = {
  readonly uid: string
  readonly provider: Provider
  readonly browser: Browser | undefined
  /** The platform's own origin, which a reader must have attested. */
  readonly origin: string
}
