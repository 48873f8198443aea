/** Who may act for a corporation at the platform's own screens: for rooms that stand on mandates. */
import { type AuthorityCheckAnswer, type authorityCheckRequest, Refusal } from '@sekisho/contract'
import type { z } from 'zod'
import { type Provider, roomStore, type World } from '@sekisho/platform/room'
import { checkAuthority } from './check.ts'
import { type ActAsked, judgeAuthority } from './judgement.ts'
import { chainsOf, corporateNumberOfKey, corporationKey, mandatesOf } from './mandate.ts'
import { connectRegister } from './register.ts'
import type { MandateSettings } from './room.ts'
import type { MandateTables } from './table.ts'

/** Who acts, as receivers want to see it (flows.md §24). */
export type ActsFor = {
  readonly name: string
  readonly corporation: string
  readonly unit: string | undefined
  readonly title: string | undefined
  /** Why they may. */
  readonly authority: { readonly ja: string; readonly en: string }
}

/** For whom somebody stands by law. */
export type Standing = {
  readonly relation: 'guardian' | 'parent' | 'heirs'
  readonly name: string
  readonly birthdate: string
}

/** What rooms ask of mandates. */
export type Authority = {
  /**
   * A person who is to do an act for a corporation. Refusals `authority-missing` unless they may, `register-unreachable` when that cannot be told.
   */
  demand(
    asked: Pick<ActAsked, 'act' | 'yen' | 'counterparty'> & {
      readonly personId: string
      readonly corporation: string
    },
  ): Promise<ActsFor>
  /** Whether who signed a document might, as the checker for providers answers and charges it. */
  check(
    provider: Provider,
    request: z.output<typeof authorityCheckRequest>,
  ): Promise<AuthorityCheckAnswer>
  /** For whom a person stands by law, as an office has certified and they have accepted. */
  standingsOf(personId: string): Promise<readonly Standing[]>
  /** Acts of a person's mandates in force, by corporate number; what else they depend on, `demand` tells. */
  actsOf(personId: string): Promise<ReadonlyMap<string, ReadonlySet<string>>>
}

/** Makes it. `registerUrl` as of the room. */
export function createAuthority(
  ground: World,
  settings: Pick<MandateSettings, 'registerUrl' | 'fetch'>,
): Authority {
  const register = connectRegister(settings.registerUrl, settings.fetch)
  const world = { ...ground, store: roomStore<MandateTables>(ground), register }
  return {
    check: (provider, request) => checkAuthority(world, provider, request),
    demand: async ({ personId, corporation, ...asked }) => {
      const registered = await world.register.read(corporation)
      const chains = await world.store.read(db =>
        chainsOf(db, world, { personId, mandator: corporationKey(corporation) }),
      )
      const at = world.clock.now()
      const actor = { kind: 'person', chains } as const
      const judged = judgeAuthority(actor, corporation, { ...asked, at }, registered)
      const last = judged.chain.at(-1)
      const why = judged.findings.at(-1)
      if (judged.verdict !== 'authorised' || last === undefined || registered === undefined)
        throw new Refusal('authority-missing', { why: why?.code ?? 'mandate-missing' })
      const { name, unit, title } = last.delegate
      const authority = { ja: why?.ja ?? '', en: why?.en ?? '' }
      return { name, unit, title, corporation: registered.name, authority }
    },
    standingsOf: async personId => {
      const at = world.clock.now()
      const mandates = await world.store.read(db => mandatesOf(db, world, personId))
      return mandates.flatMap(({ row, parties }) => {
        const { kind: relation, terms } = row
        const { name, birthdate } = parties.mandator
        const isLaw = relation === 'guardian' || relation === 'parent' || relation === 'heirs'
        const isNow = row.state === 'active' && at < Date.parse(terms.until)
        return isLaw && isNow && birthdate !== undefined ? [{ relation, name, birthdate }] : []
      })
    },
    actsOf: entrustedActs(ground),
  }
}

/** What corporations have entrusted to people: acts of mandates in force by corporate number. Whether a mandate covers an act, `demand` tells. */
export function entrustedActs(
  ground: World,
): (personId: string) => Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const store = roomStore<MandateTables>(ground)
  return async personId => {
    const at = ground.clock.now()
    const found = new Map<string, Set<string>>()
    for (const { row } of await store.read(db => mandatesOf(db, ground, personId))) {
      const number = corporateNumberOfKey(row.mandator)
      const { acts, from, until } = row.terms
      const isNow = row.state === 'active' && Date.parse(from) <= at && at < Date.parse(until)
      if (number === undefined || !isNow) continue
      const known = found.get(number) ?? new Set()
      for (const { code } of acts) known.add(code)
      found.set(number, known)
    }
    return found
  }
}
