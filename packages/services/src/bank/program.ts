/**
 * A bank (D1): opens accounts with a signed application, logs customers in with the card, keeps addresses fresh. It stands
 * on nothing but the SDK.
 */
import { createSekisho, type Sekisho, type SekishoOptions } from '@sekisho/sdk'
import { type Clock, every } from '@sekisho/runtime/clock'
import { createServer } from '@sekisho/runtime/http'
import type { Log } from '@sekisho/runtime/log'
import type { Fetch } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import type { Engine, Store } from '@sekisho/runtime/store'
import { bankMigrations, type BankTables } from './books.ts'
import { addRoutes } from './counter.ts'
import { messages } from './message.ts'
import { bankRefusalPage } from './page.ts'
import { createSessions, sweepSessions } from './session.ts'

/** What a bank needs to run. */
export type BankSettings = {
  readonly port: number
  readonly publicOrigin: string
  readonly engine: Engine
  readonly sekisho: Pick<SekishoOptions, 'issuer' | 'clientId' | 'privateKey' | 'dangerAllowHttp'>
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A running bank. */
export type Bank = {
  readonly url: string
  readonly store: Store<BankTables>
  stop(): Promise<void>
}

const sweepMs = 60_000

/** Starts the bank's server. */
export async function startBank(settings: BankSettings): Promise<Bank> {
  const { log, publicOrigin, random } = settings
  const store = await settings.engine.store<BankTables>({
    schema: 'bank',
    migrations: bankMigrations,
  })
  const platform: Sekisho = createSekisho({
    ...settings.sekisho,
    redirectUri: `${publicOrigin}/callback`,
    fetch: settings.fetch,
  })
  const sessions = createSessions(store, random, publicOrigin)
  const server = await createServer({
    name: 'bank',
    log,
    publicOrigin,
    renderRefusalPage: (refusal, lang) => bankRefusalPage(refusal.code, lang),
  })
  addRoutes(server.app, { ...settings, issuer: settings.sekisho.issuer, store, platform, sessions })
  await server.listen(settings.port)
  const stopSweeping = every(
    sweepMs,
    () => sweepSessions(store),
    fault => log.write(messages['bank.background-fault'], { fault }),
  )
  return {
    url: publicOrigin,
    store,
    stop: async () => {
      await server.stop()
      await stopSweeping()
    },
  }
}
