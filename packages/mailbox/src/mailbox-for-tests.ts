/** A mailbox over a real engine, with people, a bank and an office. No server. */
import { pairwiseSubject, roomStore } from '@sekisho/platform/room'
import { startTestWorld, type TestWorld } from '@sekisho/platform/trial'
import type { Store } from '@sekisho/runtime/store'
import { type Owner, registerBox } from './box.ts'
import { type MailTables, type Posted, postMessage, type Posting } from './post.ts'
import { mailboxMigrations } from './table.ts'

/** The office of the tests: the National Tax Agency's corporate number. */
const officeNumber = '7000012050002'

/** A mailbox of a test. Close it. */
export type TestMailbox = {
  readonly world: TestWorld
  readonly store: Store<MailTables>
  /** A person who has nothing yet. */
  person(): Promise<Extract<Owner, { kind: 'person' }>>
  /** The id under which a provider knows a person. */
  subject(providerId: string, person: Extract<Owner, { kind: 'person' }>): Promise<string>
  post(posting: Partial<Posting> & Pick<Posting, 'to'>): Promise<Posted>
  close(): Promise<void>
}

/** The bank of the tests. */
export const bank = { kind: 'provider', providerId: 'bank' } as const satisfies Owner
/** The office of the tests. */
export const office = { kind: 'organisation', number: officeNumber } as const satisfies Owner

/** Starts one. */
export async function startTestMailbox(kind?: 'embedded' | 'postgres'): Promise<TestMailbox> {
  const world = await startTestWorld(kind, [{ migrations: mailboxMigrations }])
  const store = roomStore<MailTables>(world)
  await world.provider('bank')
  await world.provider('office')
  await store.transaction(tx =>
    registerBox(
      tx,
      world.random,
      {
        owner: { kind: 'organisation', number: officeNumber },
        name: '国税庁',
        providerId: 'office',
      },
      world.clock.now(),
    ),
  )
  let count = 0
  return {
    world,
    store,
    person: async () => {
      const personId = world.random.uuidv7(world.clock.now())
      await store.transaction(tx =>
        tx.insertInto('person').values({ id: personId, created_at: world.clock.now() }).execute(),
      )
      return { kind: 'person', personId }
    },
    subject: (providerId, { personId }) =>
      store.transaction(tx =>
        pairwiseSubject(
          tx,
          { providerId, personId },
          { at: world.clock.now(), random: world.random },
        ),
      ),
    post: posting =>
      store.transaction(tx => {
        count += 1
        return postMessage(tx, world, { ...plain, key: `test-key-${count}`, ...posting })
      }),
    close: () => world.close(),
  }
}

const plain = {
  from: bank,
  kind: 'notice',
  subject: '現況届のお願い',
  body: '現況届の時期になりました。',
  documents: [],
} as const
