/**
 * What has to be durable before a verification is answered: fee, ledger entry and, of a known signer, the evidence, sealed.
 * Verifications that arrive at the same time are written in one transaction.
 */
import type { KeptResult, VerificationReport, VerificationRequest } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { PersonKeys } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import { groupCommit, type Store, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { keepContainers, notLasting } from '../evidence/container.ts'
import type { Judged } from '../evidence/judge.ts'
import { chargeAll, type Use } from '../fees/meter.ts'
import { peopleOf } from '../people/link.ts'
import { keepResults } from './kept-result.ts'

/** A verification that was done and has to be kept. */
export type DoneVerification = {
  /** The report's id. */
  readonly id: string
  readonly at: number
  readonly providerId: string
  readonly verdict: VerificationReport['verdict']
  /** What is charged; undefined: nothing. */
  readonly use: Use | undefined
  readonly request: VerificationRequest
  readonly judged: Judged | undefined
  /** What is kept for the provider to retrieve; undefined: nothing. */
  readonly result?: KeptResult | undefined
}

type Parts = {
  readonly ledger: Ledger
  readonly personKeys: PersonKeys
  readonly random: Random
}

/**
 * Makes what keeps verifications: fee, ledger entry and, of a known signer, the evidence. What arrives at the same time is
 * written in one transaction; each caller is answered after its commit.
 */
export function createVerificationKeeper(
  world: Parts & { readonly store: Store<PlatformTables> },
): (done: DoneVerification) => Promise<void> {
  return groupCommit(
    world.store,
    (tx, done: readonly DoneVerification[]) => keep(world, tx, done),
    {
      itemsMax: groupMax,
    },
  )
}

async function keep(
  world: Parts,
  tx: Transaction<PlatformTables>,
  all: readonly DoneVerification[],
): Promise<readonly undefined[]> {
  await chargeAll(
    tx,
    all.flatMap(({ use }) => (use === undefined ? [] : [use])),
  )
  const judged = all.filter(one => one.judged !== undefined)
  const people = await peopleOf(
    tx,
    judged.flatMap(one => (one.judged === undefined ? [] : [one.judged.reference])),
  )
  const personOf = new Map(judged.map((one, position) => [one, people[position]]))
  await world.ledger.recordAll(
    tx,
    entries['platform.signature-verified'],
    all.map(one => ({
      at: one.at,
      personId: personOf.get(one),
      providerId: one.providerId,
      values: { report: one.id, verdict: one.verdict },
    })),
  )
  await keepEvidence(world, tx, personOf)
  await keepResults(
    tx,
    all.flatMap(({ providerId, result }) => (result === undefined ? [] : [{ providerId, result }])),
  )
  return all.map(() => undefined)
}

async function keepEvidence(
  { personKeys, random }: Parts,
  tx: Transaction<PlatformTables>,
  personOf: ReadonlyMap<DoneVerification, string | undefined>,
): Promise<void> {
  const known = [...personOf].flatMap(([one, personId]) =>
    personId === undefined || one.judged === undefined
      ? []
      : [{ ...one, judged: one.judged, personId }],
  )
  const [first] = known
  if (first === undefined) return
  const ids = known.map(({ personId }) => personId)
  const keys = await personKeys.ensureAll(tx, ids, first.at)
  await keepContainers(
    tx,
    known.map(({ personId, providerId, judged, request, at }) => {
      const key = keys.get(personId)
      if (key === undefined) throw new Error('a person without a key')
      const { document, signature, certificate } = request
      return [
        {
          personId,
          providerId,
          kind: 'verification',
          policy: judged.policy,
          lasting: notLasting,
          transactionId: null,
          content: {
            document,
            signature,
            certificate,
            mediaType: 'application/octet-stream',
            evidence: judged.evidence,
          },
        },
        { at, random, key },
      ]
    }),
  )
}

/** Verifications in one transaction, so that none waits for long nor holds locks for long. */
const groupMax = 128
