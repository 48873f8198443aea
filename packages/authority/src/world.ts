/** What the authority's parts are made of; composed once in `program.ts`. */
import type { Clock } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Random } from '@sekisho/runtime/random'
import type { Effects, Store } from '@sekisho/runtime/store'
import type { Hierarchy } from './ca/hierarchy.ts'
import type { CaKeyStore } from './ca/key-store.ts'
import { presentValidity, type ValidityRules } from './ca/validity.ts'
import type { AuthorityTables } from './database.ts'
import { dailyPublication, type PublicationRules } from './revocation/publish.ts'
import { type LoadingRules, presentLoading } from './card-loading/rules.ts'
import { type PinlessRules, presentPinless } from './pinless-office/rules.ts'
import type { AnswerCache } from './revocation/answer-cache.ts'
import { type OcspRules, presentOcsp } from './revocation/ocsp.ts'
import {
  type GuardianshipRules,
  type HoldRules,
  liftableHolds,
  presentGuardianship,
} from './revocation/revoke.ts'
import type { PersonalNumbers } from './registry/personal-number.ts'
import type { CardIssuer } from './window/card-issuer.ts'

/** A key pair for a card. */
export type CardKey = { readonly pkcs8: Uint8Array; readonly spki: Uint8Array }

/** What the law and the authority's regime set: data, because they differ between sources and change over the years. */
export type AuthorityRules = {
  readonly validity: ValidityRules
  readonly holds: HoldRules
  readonly guardianship: GuardianshipRules
  readonly publication: PublicationRules
  readonly ocsp: OcspRules
  readonly pinless: PinlessRules
  readonly loading: LoadingRules
}

/** The rules in force today. */
export const presentRules: AuthorityRules = {
  validity: presentValidity,
  holds: liftableHolds,
  guardianship: presentGuardianship,
  publication: dailyPublication,
  ocsp: presentOcsp,
  pinless: presentPinless,
  loading: presentLoading,
}

/** Everything that the parts stand on. */
export type World = {
  readonly store: Store<AuthorityTables>
  /** OCSP answers that were given before. */
  readonly answers: AnswerCache
  readonly hierarchy: Hierarchy
  /** Keys of generations that ceremonies make. */
  readonly caKeys: CaKeyStore
  readonly rules: AuthorityRules
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Resident codes and my numbers. */
  readonly numbers: PersonalNumbers
  /** What goes onto cards besides certificates. */
  readonly cardIssuer: CardIssuer
  /** Name of the notification that is dealt with, when its sender gave it one. */
  readonly notice?: string | undefined
  /** Folder of the card files: the window's tray. */
  readonly cardsFolder: string
  /** Counts what is written to cards, for kill tests. */
  readonly effects: Effects | undefined
  /** Makes a key pair for a card. */
  cardKey(): Promise<CardKey>
}
