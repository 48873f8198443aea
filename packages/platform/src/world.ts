/** What the platform's parts are made of; composed once in `program.ts`. */
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import type { MasterKey, PersonKeys } from '@sekisho/runtime/keys'
import type { Log } from '@sekisho/runtime/log'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { ReceiptKey } from './confirm/receipt.ts'
import type { DoneVerification } from './confirm/verification-keeper.ts'
import type { PlatformTables } from './database.ts'
import type { AuthorityConnector } from './evidence/connector.ts'
import type { VerifierModules } from './evidence/box.ts'
import type { FileJudge } from './evidence/file-verification.ts'
import type { Judge } from './evidence/judge.ts'
import type { KeptFileWorld } from './evidence/kept-file.ts'
import type { PinlessTerminals } from './evidence/pinless.ts'
import type { StampTrust } from './evidence/time-stamp.ts'
import type { ReplayTickets } from './onboarding/replay.ts'
import type { Tracer } from './onboarding/trace.ts'
import type { Uploads } from './evidence/upload.ts'
import type { ChangeListener } from './watch/listener.ts'

export type World = {
  readonly issuer: string
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly connector: AuthorityConnector
  readonly judge: Judge
  /** Who hears of changed people; rooms add themselves before anything runs. */
  readonly changeListeners: ChangeListener[]
  /** Who may ask cards without PIN. */
  readonly pinlessTerminals: PinlessTerminals
  readonly fileJudge: FileJudge
  readonly uploads: Uploads
  readonly stamps: StampTrust
  /** What kept files are judged by. */
  readonly keeping: KeptFileWorld
  /** The trust core for browsers. */
  verifier(): Promise<VerifierModules>
  readonly personKeys: PersonKeys
  readonly master: MasterKey
  /** Secret under which questions to the authority are looked up. */
  readonly questionKey: Uint8Array
  readonly ledger: Ledger
  /** What each kind of entry says, those of rooms included. */
  readonly sayings: Readonly<Record<string, { readonly ja: string; readonly en: string }>>
  /** Keeps a verification that was done for a provider; resolves when that is durable. */
  keepVerification(done: DoneVerification): Promise<void>
  readonly receiptKey: ReceiptKey
  /** What providers' services asked lately. */
  readonly tracer: Tracer
  /** By which requests of the sandbox are put again. */
  readonly tickets: ReplayTickets
}
