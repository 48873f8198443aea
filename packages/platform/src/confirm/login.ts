/** *Login* (C3 eligibility, D1): the reader's statement signed with the authentication key opens the person's account. */
import type { AuthenticatedAnswer } from '@sekisho/contract/reader'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import type { Judged } from '../evidence/judge.ts'
import type { Instant } from '@sekisho/runtime/clock'
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
import { type LinkedCertificates, linksOfHolder, ownLink } from '../people/linkage.ts'
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
  const own = ownLink(judged)
  const write = (links: LinkedCertificates, isOnlyIfLinked: boolean) =>
    linking(world, async tx => {
      const linked = await useAndLink(tx, world, { ceremony, links, at: judged.at, isOnlyIfLinked })
      assertPerson(step, linked.personId)
      const followed = await follow(tx, linked)
      await writeLogin(tx, world, { step, judged, personId: linked.personId }, followed)
      return followed.result
    })
  try {
    // Almost always the card is known, and nobody need be asked what it follows.
    return await write([own], true)
  } catch (error) {
    if (!(error instanceof NotLinked)) throw error
  }
  return write(await linksOfHolder(world, judged), false)
}

/** Takes back a transaction that began as if the card were known. */
class NotLinked extends Error {}

/** Uses the step up and says whose the certificates are. `isOnlyIfLinked`: throws `NotLinked` where that is still to be found out. */
async function useAndLink(
  tx: Transaction<PlatformTables>,
  world: World,
  given: {
    readonly ceremony: Ceremony
    readonly links: LinkedCertificates
    readonly at: Instant
    readonly isOnlyIfLinked: boolean
  },
): Promise<Linked> {
  const { ceremony, links, at } = given
  const [own] = links
  const [used, found] = await together(tx, [
    useCeremonyStatement(tx, ceremony),
    linkedStatement(tx, own),
  ])
  assertUsed(used)
  const [row] = found.rows
  if (row === undefined && given.isOnlyIfLinked) throw new NotLinked()
  const linked = links.length === 1 ? linkedAlready(row, own) : undefined
  return linked ?? linkCertificates(tx, links, { at, random: world.random })
}

async function writeLogin(
  tx: Transaction<PlatformTables>,
  world: World,
  done: { readonly step: Step; readonly judged: Judged; readonly personId: string },
  { writes }: Pick<Following<unknown>, 'writes'>,
): Promise<void> {
  const { step, judged, personId } = done
  const { at, method } = judged
  const to = { personId, providerId: step.provider.id }
  const use = { kind: 'authentication-check', method, at } as const
  await together(tx, [
    pairwiseStatement(tx, to, { at, random: world.random }),
    chargeStatement(tx, [{ ...use, providerId: step.provider.id, transaction: step.uid }]),
    ...writes,
  ])
  const values = { method }
  await world.ledger.record(tx, entries['platform.person-logged-in'], { at, ...to, values })
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
