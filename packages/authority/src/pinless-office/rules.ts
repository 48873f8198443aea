/** What may differ between PIN-less offices (A10), as data. */

/** What S0 leaves open, and the terms; data. */
export type PinlessRules = {
  /** Whether a code belongs to a whole organisation, to each of its sites, or to each terminal. */
  readonly codesFor: 'organisation' | 'site' | 'terminal'
  /** Who makes an organisation's key pair. A key that the authority makes is handed over once and not kept. */
  readonly keysMadeBy: 'organisation' | 'authority'
  /** Days that certificates last; not more than the card library allows. */
  readonly organisationDays: number
  readonly terminalDays: number
  /** For how long a platform may go by a standing that it has read. */
  readonly standingMs: number
}

/** As the town has it: ours, for the paper is silent. */
export const presentPinless: PinlessRules = {
  codesFor: 'organisation',
  keysMadeBy: 'organisation',
  organisationDays: 92,
  terminalDays: 7,
  standingMs: 15 * 60_000,
}
