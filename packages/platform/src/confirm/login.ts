/** *Login* (C3 eligibility, D1): the reader's statement signed with the authentication key opens the person's account. */
import type { AuthenticatedAnswer } from '@sekisho/contract/reader'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import type { Judged } from '../evidence/judge.ts'
import { type CompiledQuery, together, type Transaction } from '@sekisho/runtime/store'
import { chargeStatement } from '../fees/meter.ts'
import {
  assertUsed,
  type Browser,
  type Ceremony,
  findCeremony,
  useCeremonyStatement,
} from '../login/ceremony.ts'
import { linking } from '../people/conflict.ts'
import {
  linkCertificates,
  type Linked,
  linkedAlready,
  linkedStatement,
  pairwiseStatement,
} from '../people/link.ts'
import { linksOfHolder } from '../people/linkage.ts'
import type { World } from '../world.ts'
import { fromBase64Url, readStatement } from './answer.ts'
import { assertPerson, type Step } from './step.ts'

/** What follows from a login and is to be written with it. */
export type Following<T> = {
  readonly result: T
  readonly writes: readonly CompiledQuery[]
}

/**
 * Writes person, links, charge, ledger entry and what `follow` says in one transaction. A card never met before becomes a person without
 * attributes. `follow` touches no database itself.
 */
export async function finishLogin<T>(
  world: World,
  step: Step,
  answer: AuthenticatedAnswer,
  follow: (tx: Transaction<PlatformTables>, linked: Linked) => Promise<Following<T>>,
): Promise<T> {
  const { revocation, freshnessMs } = step.provider
  const by = { ...step, revocation, freshnessMs }
  const { judged, ceremony } = await judgeHolder(world, by, answer)
  const links = await linksOfHolder(world, judged)
  const at = judged.at
  return linking(world, async tx => {
    const [used, found] = await together(tx, [
      useCeremonyStatement(tx, ceremony),
      linkedStatement(tx, links[0]),
    ])
    assertUsed(used)
    const linked =
      (links.length === 1 ? linkedAlready(found.rows[0], links[0]) : undefined) ??
      (await linkCertificates(tx, links, { at, random: world.random }))
    const { personId } = linked
    assertPerson(step, personId)
    const { result, writes } = await follow(tx, linked)
    const to = { personId, providerId: step.provider.id }
    const use = { kind: 'authentication-check', method: judged.method, at } as const
    await together(tx, [
      pairwiseStatement(tx, to, { at, random: world.random }),
      chargeStatement(tx, [{ ...use, providerId: step.provider.id, transaction: step.uid }]),
      ...writes,
    ])
    await world.ledger.record(tx, entries['platform.person-logged-in'], {
      at,
      ...to,
      values: { method: judged.method },
    })
    return result
  })
}

/** Verifies the bytes as received and finds the step from the challenge in them, and from nothing else. */
export async function judgeHolder(
  world: World,
  by: {
    readonly uid: string
    readonly browser: Browser | undefined
    readonly origin: string
    readonly revocation: 'crl' | 'ocsp'
    readonly freshnessMs: number | undefined
  },
  answer: AuthenticatedAnswer,
): Promise<{ readonly judged: Judged; readonly ceremony: Ceremony }> {
  const statement = readStatement(answer, by.origin)
  const key = { kind: 'login', challenge: statement.challenge } as const
  const ceremony = await findCeremony(world.store, key, by)
  const judged = await world.judge.demand({
    message: statement.message,
    signature: fromBase64Url(answer.signature),
    certificate: fromBase64Url(answer.certificate),
    purpose: 'authentication',
    revocation: by.revocation,
    freshnessMs: by.freshnessMs,
  })
  return { judged, ceremony }
}
