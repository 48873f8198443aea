import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { mailboxMigrations } from '@sekisho/mailbox'
import { roomStore } from '@sekisho/platform/room'
import { startTestWorld, type TestWorld } from '@sekisho/platform/trial'
import {
  beginCase,
  type CaseWorld,
  codeHash,
  completeTask,
  joinCase,
  moveCase,
  readCase,
  readDocument,
  returnTask,
  type Tables,
  withdrawCase,
} from './case.ts'
import { type Definition, defineProcedure } from './definition.ts'
import { moving } from './definitions/moving.ts'
import { nursery } from './definitions/nursery.ts'
import type { Party } from './history.ts'
import { createRegistry } from './registry.ts'
import { procedureMigrations } from './table.ts'

/** The same procedure with a step more, and one in which nothing of what happened is there any more. */
const later: Definition = defineProcedure({
  ...moving,
  version: 2,
  steps: [
    ...moving.steps,
    {
      id: 'thank',
      title: { ja: 'お礼', en: 'Thanks' },
      role: 'municipality',
      after: ['move-in', 'update'],
      does: { kind: 'decide', outcomes: [{ id: 'said', title: { ja: '伝えました', en: 'Said' } }] },
      sees: ['applicant'],
    },
  ],
})
const other: Definition = defineProcedure({
  ...moving,
  version: 3,
  steps: moving.steps.slice(0, 1).concat(moving.steps.slice(2)),
})

for (const kind of ['embedded', 'postgres'] as const)
  describe(`cases on ${kind}`, () => {
    let trial: TestWorld
    let world: CaseWorld
    before(async () => {
      trial = await startTestWorld(kind, [
        { migrations: mailboxMigrations },
        { migrations: procedureMigrations },
      ])
      const registry = createRegistry([moving, later, other, nursery])
      world = {
        ...trial,
        tables: roomStore<Tables>(trial),
        definitionOf: (id, version) => registry.find(id, version),
      }
      for (const id of ['power', 'hall']) await trial.provider(id)
    })
    after(() => trial.close())

    const person = async (): Promise<string> => {
      const id = world.random.uuidv7(world.clock.now())
      await world.tables.transaction(tx =>
        tx.insertInto('person').values({ id, created_at: world.clock.now() }).execute(),
      )
      return id
    }
    let count = 0
    const begin = async (definition: Definition, others: readonly Party[]): Promise<string> => {
      const personId = await person()
      const parties: Party[] = [
        { id: 'applicant', role: 'applicant', name: '申請者', owner: { kind: 'person', personId } },
        ...others,
      ]
      count += 1
      return world.tables.transaction(tx =>
        beginCase(tx, world, {
          definition,
          parties,
          deed: {
            by: { name: '申請者' },
            values: { name: '申請者', movedOn: '2030-04-01', newAddress: '東京都' },
            outcome: null,
            documents: [{ name: 'a.txt', mediaType: 'text/plain', bytes: Buffer.from('秘密') }],
          },
          documentSha256: '00',
          personId,
          requestKey: `case-${count}`,
        }),
      )
    }
    const provider = (id: string, role: string, providerId: string): Party => ({
      id,
      role,
      name: providerId,
      owner: { kind: 'provider', providerId },
    })
    const both = [
      provider('municipality', 'municipality', 'hall'),
      provider('partner-1', 'partner', 'power'),
    ]
    const answer = (id: string, task: string, outcome: string): Promise<string> =>
      world.tables
        .transaction(tx =>
          completeTask(tx, world, id, {
            task,
            by: { name: 'x' },
            values: {},
            outcome,
            documents: [],
          }),
        )
        .then(
          () => 'taken',
          (error: unknown) => {
            if (error instanceof Refusal) return error.code
            throw error
          },
        )
    const outcomeOf = async (id: string) =>
      (await world.tables.read(db => readCase(db, world, id))).state.ended?.outcome

    it('of many answers to one task at once one counts; to several tasks all do', async () => {
      const id = await begin(moving, both)
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          answer(
            id,
            at % 2 === 0 ? 'update:partner-1' : 'move-in:municipality',
            at % 2 === 0 ? 'updated' : 'accepted',
          ),
        ),
      )
      assert.equal(answers.filter(each => each === 'taken').length, 2, answers.join(' '))
      assert.equal(await outcomeOf(id), 'completed')
      const { events } = await world.tables.read(db => readCase(db, world, id))
      assert.equal(events.filter(each => each.kind === 'ended').length, 1)
    })

    it('nothing of a case stands readable in the tables', async () => {
      const id = await begin(moving, both)
      const rows = await world.tables.read(async db => [
        ...(await db
          .selectFrom('procedure_event')
          .select('sealed')
          .where('case_id', '=', id)
          .execute()),
        ...(await db
          .selectFrom('procedure_document')
          .select('sealed')
          .where('case_id', '=', id)
          .execute()),
      ])
      assert.ok(rows.length > 4)
      for (const row of rows) assert.ok(!Buffer.from(row.sealed).includes(Buffer.from('秘密')))
      const { state } = await world.tables.read(db => readCase(db, world, id))
      const [paper] = state.tasks.get('apply:applicant')?.done?.documents ?? []
      const read = await world.tables.read(db =>
        readDocument(db, world, { caseId: id, id: paper?.id ?? '' }),
      )
      assert.equal(Buffer.from(read.bytes).toString(), '秘密')
      const another = await begin(moving, both)
      await assert.rejects(
        world.tables.read(db => readDocument(db, world, { caseId: another, id: paper?.id ?? '' })),
        { code: 'procedure-unknown' },
      )
    })

    it('a running case stays with its version, and is moved to one that explains what has happened', async () => {
      const id = await begin(moving, both)
      assert.equal(await answer(id, 'move-in:municipality', 'accepted'), 'taken')
      const move = (version: number) =>
        world.tables.transaction(tx => moveCase(tx, world, id, version))
      await assert.rejects(move(3), { code: 'case-moved-on' })
      await assert.rejects(move(9), { code: 'procedure-unknown' })
      await move(2)
      assert.equal(await answer(id, 'update:partner-1', 'updated'), 'taken')
      assert.equal(await outcomeOf(id), undefined, 'the later version has a step more')
      assert.equal(await answer(id, 'thank:municipality', 'said'), 'taken')
      assert.equal(await outcomeOf(id), 'completed')
      await assert.rejects(move(2), { code: 'case-ended' })
    })

    it('a party returns what its own task was built on, and nothing else', async () => {
      const id = await begin(moving, both)
      assert.equal(await answer(id, 'move-in:municipality', 'accepted'), 'taken')
      const { state } = await world.tables.read(db => readCase(db, world, id))
      const partner = state.parties.find(each => each.id === 'partner-1')
      assert.ok(partner !== undefined)
      const back = (task: string) =>
        world.tables.transaction(tx =>
          returnTask(tx, world, id, { by: partner, task, reason: 'r' }),
        )
      await assert.rejects(back('move-in:municipality'), { code: 'task-closed' })
      await back('apply:applicant')
    })

    it('a command that fails at its end leaves nothing', async () => {
      const id = await begin(moving, both)
      const before = await world.tables.read(db => readCase(db, world, id))
      await assert.rejects(
        world.tables.transaction(async tx => {
          await withdrawCase(tx, world, id, 'x')
          throw new Error('power failed')
        }),
        /power failed/,
      )
      assert.deepEqual(await world.tables.read(db => readCase(db, world, id)), before)
      const posted = await world.tables.read(db =>
        db
          .selectFrom('mailbox_message')
          .select('id')
          .where('request_key', 'like', `${id}/%`)
          .execute(),
      )
      assert.equal(posted.length, 2, 'the two requests of the beginning')
    })

    it('a code lets in one person, once, and not who applied', async () => {
      const invited: Party = {
        id: 'secondParent',
        role: 'secondParent',
        name: '親',
        owner: { kind: 'invited', code: codeHash('ABCD-EFGH-JKMN-PQRS') },
      }
      const id = await begin(nursery, [
        invited,
        provider('municipality', 'municipality', 'hall'),
        provider('firstEmployer', 'firstEmployer', 'power'),
      ])
      const join = (personId: string) =>
        world.tables.transaction(tx =>
          joinCase(tx, world, { code: 'abcd efgh jkmn pqrs', personId }),
        )
      const applicant = (await world.tables.read(db => readCase(db, world, id))).state.parties[0]
        ?.owner
      assert.ok(applicant?.kind === 'person')
      await assert.rejects(join(applicant.personId), { code: 'procedure-unknown' })
      const people = await Promise.all([person(), person()])
      const answers = await Promise.allSettled(people.map(join))
      assert.deepEqual(answers.map(each => each.status).toSorted(), ['fulfilled', 'rejected'])
    })
  })
