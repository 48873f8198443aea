/** What may differ between loading services (A11), as data. */

/** Terms and limits; the paper names only the daily refresh and the yearly report. */
export type LoadingRules = {
  /** Code of the designated cloud operator, in the certificates that cards see. */
  readonly operatorCode: string
  /** Days that its certificate lasts, and a terminal's. */
  readonly operatorDays: number
  readonly terminalDays: number
  /** Milliseconds after which an operator proves themself anew. */
  readonly sessionMs: number
  /** Milliseconds in which an enrolment code can be used. */
  readonly enrolmentMs: number
  /** Milliseconds between two refreshes of what owners are told to stop (S1: once a day). */
  readonly feedMs: number
}

/** As the town has it. */
export const presentLoading: LoadingRules = {
  operatorCode: '9300001',
  operatorDays: 92,
  terminalDays: 7,
  sessionMs: 30 * 60_000,
  enrolmentMs: 24 * 3600_000,
  feedMs: 24 * 3600_000,
}
