/** Reads from the running platform what the criteria are judged by. */
import type { World } from '../world.ts'
import { listProviders } from '../providers/registry.ts'
import type { Acts } from '../staff/act.ts'
import { listMembers } from '../staff/member.ts'
import { lastHour } from '../traffic/traffic.ts'
import type { ControlFacts } from './criterion.ts'
import { listRecords } from './record.ts'

/** The facts of now. Reads the whole ledger, which takes a while on a large one. */
export async function readControlFacts(
  world: World,
  given: { readonly acts: Acts; readonly mode: ControlFacts['mode'] },
): Promise<ControlFacts> {
  const { store, ledger } = world
  const records = async (kind: Parameters<typeof listRecords>[1]) => listRecords(store, kind)
  const counts = await store.read(db =>
    db
      .selectFrom('passkey')
      .select('holder')
      .select(eb => eb.fn.countAll<number>().as('count'))
      .where('holder', 'like', 'staff:%')
      .groupBy('holder')
      .execute(),
  )
  const passkeys = new Map(counts.map(({ holder, count }) => [holder, count]))
  return {
    at: world.clock.now(),
    mode: given.mode,
    issuer: world.issuer,
    records: {
      rule: await records('rule'),
      entry: await records('entry'),
      'outside-party': await records('outside-party'),
      duty: await records('duty'),
      officer: await records('officer'),
    },
    members: (await listMembers(store)).map(({ id, roles, state }) => ({
      id,
      roles,
      state,
      passkeys: passkeys.get(`staff:${id}`) ?? 0,
    })),
    acts: (await given.acts.list('all')).map(({ id, kind, state, proposedBy, decidedBy }) => ({
      id,
      kind,
      state,
      proposedBy,
      decidedBy,
    })),
    ledger: {
      isCurrent: await ledger.isCurrent(),
      verifierKey: ledger.verifierKey,
      checkpoint: await ledger.checkpoint(),
      audit: await ledger.audit(),
    },
    refusals: (await lastHour(store)).sums.filter(one => one.kind === 'refused'),
    providers: (await listProviders(store)).map(({ id, state, scopes }) => ({
      id,
      state,
      scopes: [...scopes],
    })),
  }
}
