/**
 * Has witnesses cosign the log's checkpoints (C2SP tlog-witness, the client's side), and chooses the checkpoint that is shown: the newest
 * that enough of them cosigned. When they cannot be reached, the log goes on and what is shown grows old, which is told.
 */
import { type Log, defineMessages } from '@sekisho/runtime/log'
import type { Store } from '@sekisho/runtime/store'
import { verifyCosignatures, type WitnessKey } from './cosignature.ts'
import { readSignatures, splitNote } from './note.ts'
import { createProofs } from './proof.ts'
import type { LedgerTables } from './tables.ts'
import { sizeType } from './cosigner.ts'

/** A witness, and the address under which it takes checkpoints, without `/add-checkpoint`. */
export type WitnessAt = { readonly key: WitnessKey; readonly url: string }

/** Which witnesses, and how many of them must cosign what is shown. */
export type WitnessPolicy = { readonly witnesses: readonly WitnessAt[]; readonly needed: number }

/** The log's dealings with its witnesses. */
export type Witnessing = {
  /** The newest checkpoint that enough witnesses cosigned, with their lines; undefined while there is none. */
  checkpoint(): Promise<string | undefined>
  /** Asks every witness that has not cosigned the newest checkpoint yet. One that cannot be reached, or refuses, is told of in the log. */
  askAll(): Promise<void>
}

/** Makes them over the log's own store. */
export function createWitnessing(given: {
  readonly store: Store<LedgerTables>
  readonly policy: WitnessPolicy
  readonly fetch: typeof globalThis.fetch
  readonly log: Log
}): Witnessing {
  const { store, policy, log } = given
  const { witnesses, needed } = policy
  if (needed > witnesses.length) throw new Error('more witnesses are needed than there are')
  const proofs = createProofs(store)
  return {
    checkpoint: () => shown(store, policy),
    async askAll() {
      const note = await proofs.checkpoint()
      if (note === undefined) return
      await Promise.all(
        witnesses.map(async witness => {
          try {
            const outcome = await ask({ ...given, proofs }, witness, note)
            if (outcome !== 'cosigned')
              log.write(messages['ledger.witness-refused'], { outcome, name: witness.key.name })
          } catch (fault) {
            log.write(messages['ledger.witness-unreachable'], { fault, name: witness.key.name })
          }
        }),
      )
    },
  }
}

type Outcome = 'cosigned' | 'ahead' | 'refused' | 'wrong-signature'

/** Sends one checkpoint to one witness; a second time when the witness knows another size than we thought. */
async function ask(
  given: {
    readonly store: Store<LedgerTables>
    readonly fetch: typeof globalThis.fetch
    readonly proofs: ReturnType<typeof createProofs>
  },
  witness: WitnessAt,
  note: string,
): Promise<Outcome> {
  const { store, proofs } = given
  const size = Number(note.split('\n')[1])
  const last = await lastCosigned(store, witness.key.name)
  if (last === size) return 'cosigned'
  let from = last
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const hashes = from === 0 ? [] : await proofs.consistencyProof(from, size)
    const lines = [`old ${from}`, ...hashes.map(hash => Buffer.from(hash).toString('base64'))]
    const answer = await given.fetch(`${witness.url}/add-checkpoint`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: `${lines.join('\n')}\n\n${note}`,
    })
    const body = await answer.text()
    if (answer.status === 200) return keep(store, { witness, note, size, body })
    const isSize = answer.status === 409 && answer.headers.get('content-type') === sizeType
    if (!isSize || !/^(0|[1-9]\d{0,15})\n$/.test(body)) return 'refused'
    // It has seen more of the log than there is: an old copy of the database is in use, or the log has forked.
    if (Number(body) > size) return 'ahead'
    from = Number(body)
  }
  return 'refused'
}

async function keep(
  store: Store<LedgerTables>,
  given: {
    readonly witness: WitnessAt
    readonly note: string
    readonly size: number
    readonly body: string
  },
): Promise<Outcome> {
  const text = splitNote(given.note)?.text
  const signatures = readSignatures(given.body)
  if (text === undefined || signatures === undefined) return 'wrong-signature'
  const verdict = verifyCosignatures({ text, signatures }, [given.witness.key])
  const [own] = verdict.kind === 'passed' ? verdict.value : []
  if (own === undefined) return 'wrong-signature'
  const row = { size: given.size, witness: own.witness, line: own.line }
  await store.transaction(tx =>
    tx
      .insertInto('ledger_cosignature')
      .values(row)
      .onConflict(conflict => conflict.columns(['size', 'witness']).doNothing())
      .execute(),
  )
  return 'cosigned'
}

async function lastCosigned(store: Store<LedgerTables>, witness: string): Promise<number> {
  const row = await store.read(db =>
    db
      .selectFrom('ledger_cosignature')
      .select(eb => eb.fn.max('size').as('size'))
      .where('witness', '=', witness)
      .executeTakeFirst(),
  )
  return row?.size ?? 0
}

async function shown(
  store: Store<LedgerTables>,
  { witnesses, needed }: WitnessPolicy,
): Promise<string | undefined> {
  const names = witnesses.map(({ key }) => key.name)
  return store.read(async db => {
    const head = await db
      .selectFrom('ledger_checkpoint')
      .select(['size', 'note'])
      .$if(needed > 0, query =>
        query.where('size', 'in', eb =>
          eb
            .selectFrom('ledger_cosignature')
            .select('size')
            .where('witness', 'in', names)
            .groupBy('size')
            .having(sub => sub.fn.countAll(), '>=', needed),
        ),
      )
      .orderBy('size', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (head === undefined || names.length === 0) return head?.note
    const lines = await db
      .selectFrom('ledger_cosignature')
      .select('line')
      .where('size', '=', head.size)
      .where('witness', 'in', names)
      .orderBy('witness')
      .execute()
    return head.note + lines.map(({ line }) => line).join('')
  })
}

const messages = defineMessages({
  'ledger.witness-unreachable': {
    level: 'warn',
    text: 'a witness could not be asked',
    fields: { name: 'code', fault: 'fault' },
  },
  'ledger.witness-refused': {
    level: 'error',
    text: 'a witness did not cosign the checkpoint',
    fields: { name: 'code', outcome: 'code' },
  },
})
