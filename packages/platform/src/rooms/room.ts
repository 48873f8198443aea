/**
 * Rooms: what stands on the platform and shares its store, its people and its pages (mandates, mailbox, procedures). The platform never
 * calls up: rooms are handed to it when it starts, and come in by this one door (ADR 0012).
 */
import type { ProviderScope } from '@sekisho/contract'
import type { AdminHandlers, App, Request } from '@sekisho/runtime/http'
import type { Migrations, Store } from '@sekisho/runtime/store'
import type { CeremonyReaders, Lang } from '@sekisho/web'
import type { PlatformTables } from '../database.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import type { Visitors } from './visitor.ts'

/** What a room stands on. */
export type Ground = {
  readonly world: World
  /** Routes go here, before the server listens. Pages lie below `/me/`, the interface for providers below `/v1/`. */
  readonly app: App
  readonly readers: CeremonyReaders
  readonly visitors: Visitors
  /**
   * The provider that calls, if its contract and its token cover the scope. Refusals `provider-unauthenticated`, `token-unproven`,
   * `scope-exceeded`, `provider-suspended`, `agent-not-appointed`, `request-limit`.
   */
  authorise(request: Request, scope: ProviderScope): Promise<Provider>
}

/** Work that a room does beside the server. */
export type Round = {
  readonly everyMs: number
  run(): Promise<void>
}

/** Where a person gets into a room from their own page. */
export type Doorway = {
  /** Below `/me/`. */
  readonly path: string
  readonly title: Readonly<Record<Lang, string>>
  readonly lead: Readonly<Record<Lang, string>>
  /** How many things wait for this person; 0: none. */
  waiting(personId: string): Promise<number>
}

/** A room that is in use. */
export type OpenRoom = {
  readonly doorways: readonly Doorway[]
  readonly rounds: readonly Round[]
  /** Commands of the machine's admin socket. */
  readonly commands: AdminHandlers
  stop?(): Promise<void>
}

/** A room as it is handed to the platform. */
export type Room = {
  /** Its tables; names of migrations begin with the room's. */
  readonly migrations: Migrations
  /** What it records in the ledger, as a person reads it. */
  readonly entries: Readonly<Record<string, { readonly ja: string; readonly en: string }>>
  /** A body for each operation below `/v1/` that takes one, by `METHOD /path`. */
  readonly examples: Readonly<Record<string, unknown>>
  open(ground: Ground): Promise<OpenRoom> | OpenRoom
}

/** The platform's store with the tables of a room, which its migrations have made. */
export function roomStore<Tables>(world: Pick<World, 'store'>): Store<PlatformTables & Tables> {
  return world.store as unknown as Store<PlatformTables & Tables>
}

/** The migrations of all rooms, to be run with the platform's own. */
export function migrationsOf(rooms: readonly Room[]): Migrations {
  return Object.assign({}, ...rooms.map(room => room.migrations))
}
