import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { defineProcedure, type Definition } from './definition.ts'
import { nursery } from './definitions/nursery.ts'
import { moving } from './definitions/moving.ts'
import {
  type CaseEvent,
  type CaseState,
  HistoryUnfit,
  nextDeadline,
  type Party,
  stateOf,
  undoOf,
  whatFollows,
} from './history.ts'

const at = Date.parse('2026-06-01T00:00:00Z')
const person = (id: string, role = id): Party => ({
  id,
  role,
  name: id,
  owner: { kind: 'person', personId: id },
})
const parties = ['secondParent', 'firstEmployer', 'secondEmployer', 'municipality'].map(id =>
  person(id),
)
const done = (task: string, outcome: string | null = null): CaseEvent => ({
  kind: 'done',
  task,
  by: { name: 'x' },
  values: { from: '2026-06-01', movedOn: '2026-06-01' },
  outcome,
  documents: [],
  at,
})
const begun = (others: readonly Party[]): CaseEvent[] => [
  { kind: 'begun', parties: [person('applicant'), ...others], at },
  { kind: 'opened', task: 'apply:applicant', deadline: null, at },
  done('apply:applicant'),
]

/** What the engine does: events, and all that follows from them. */
function run(definition: Definition, events: CaseEvent[]): CaseState {
  for (;;) {
    const follows = whatFollows(definition, stateOf(definition, events), at)
    if (follows.length === 0) return stateOf(definition, events)
    events.push(...follows)
  }
}
const open = (state: CaseState): string[] =>
  [...state.tasks.values()]
    .filter(task => task.state === 'open')
    .map(task => task.id)
    .toSorted()

describe('a case by its history', () => {
  it('opens branches side by side, and what joins them only when all are done', () => {
    const events = begun(parties)
    assert.deepEqual(open(run(nursery, events)), [
      'first-certificate:firstEmployer',
      'second-request:secondParent',
    ])
    events.push(done('second-request:secondParent'))
    assert.deepEqual(open(run(nursery, events)), [
      'first-certificate:firstEmployer',
      'second-certificate:secondEmployer',
    ])
    events.push(done('first-certificate:firstEmployer'))
    assert.deepEqual(open(run(nursery, events)), ['second-certificate:secondEmployer'])
    events.push(done('second-certificate:secondEmployer'))
    assert.deepEqual(open(run(nursery, events)), ['decide:municipality'])
    events.push(done('decide:municipality', 'granted'))
    const state = run(nursery, events)
    assert.equal(state.ended?.outcome, 'granted')
    assert.deepEqual(whatFollows(nursery, state, at), [])
  })

  it('passes over steps in whose role nobody stands', () => {
    const events = begun(
      parties.filter(each => ['firstEmployer', 'municipality'].includes(each.id)),
    )
    events.push(
      ...whatFollows(nursery, stateOf(nursery, events), at),
      done('first-certificate:firstEmployer'),
    )
    assert.deepEqual(open(run(nursery, events)), ['decide:municipality'])
  })

  it('a task that is returned voids what was built on it, and nothing beside', () => {
    const events = begun(parties)
    run(nursery, events)
    events.push(done('second-request:secondParent'), done('first-certificate:firstEmployer'))
    run(nursery, events)
    events.push({
      kind: 'returned',
      task: 'second-request:secondParent',
      by: 'secondEmployer',
      reason: 'r',
      at,
    })
    const state = run(nursery, events)
    assert.deepEqual(open(state), ['second-request:secondParent'])
    assert.equal(state.tasks.get('first-certificate:firstEmployer')?.state, 'done')
    assert.equal(state.tasks.get('second-request:secondParent')?.round, 2)
    assert.equal(state.tasks.get('second-request:secondParent')?.returned, 'r')
  })

  it('tells the next deadline, and no more of one that was passed', () => {
    const events = begun([person('municipality'), person('partner-1', 'partner')])
    const state = run(moving, events)
    const [first, second] = [...state.tasks.values()]
      .flatMap(task => task.deadline ?? [])
      .toSorted((a, b) => a - b)
    assert.equal(nextDeadline(state), first)
    events.push({ kind: 'late', task: 'update:partner-1', at })
    assert.equal(nextDeadline(run(moving, events)), second)
  })

  it('asks back what was done, last first, and only where there is something to undo', () => {
    const events = begun([person('municipality'), person('partner-1', 'partner')])
    run(moving, events)
    events.push(done('move-in:municipality', 'accepted'))
    assert.deepEqual(
      undoOf(run(moving, events), at).map(each => 'task' in each && each.task),
      ['move-in:municipality'],
    )
  })

  it('a history that the definition does not explain is refused, whatever it is', () => {
    for (const task of ['nothing:applicant', 'apply:nobody', 'x'])
      assert.throws(
        () => stateOf(nursery, [...begun(parties), { kind: 'opened', task, deadline: null, at }]),
        HistoryUnfit,
      )
    assert.throws(() => stateOf(nursery, [done('decide:municipality')]), HistoryUnfit)
  })

  it('however the parties order their work, nothing opens early and everything ends', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(100)), fc.subarray(parties), (choices, some) => {
        const others = [
          ...new Set([
            ...some,
            ...parties.filter(each => ['firstEmployer', 'municipality'].includes(each.id)),
          ]),
        ]
        const events = begun(others)
        for (let steps = 0; steps < 50; steps++) {
          const state = run(nursery, events)
          if (state.ended !== undefined) return
          const waiting = open(state)
          assert.ok(waiting.length > 0, 'it waits for somebody')
          for (const id of waiting) {
            const after: readonly string[] = state.tasks.get(id)?.step.after ?? []
            for (const task of state.tasks.values())
              if (after.includes(task.step.id)) assert.equal(task.state, 'done')
          }
          const { value } = choices.next()
          const chosen = waiting[Number(value) % waiting.length] ?? ''
          events.push(done(chosen, chosen.startsWith('decide') ? 'refused' : null))
        }
        assert.fail('it did not end')
      }),
      { numRuns: 300 },
    )
  })
})

describe('definitions', () => {
  it('are refused where they could not be run', () => {
    const [apply, second, ...rest] = nursery.steps
    assert.ok(apply !== undefined && second !== undefined)
    const broken = (given: Partial<Definition>) => () => defineProcedure({ ...nursery, ...given })
    for (const steps of [
      [second, apply, ...rest],
      [apply, { ...second, after: ['decide'] }, ...rest],
      [apply, { ...second, after: [] }, ...rest],
      [apply, { ...second, role: 'nobody' }, ...rest],
      [apply, { ...second, sees: ['nobody'] }, ...rest],
      [apply, second, second, ...rest],
      [
        apply,
        {
          ...second,
          deadline: { days: 1, counted: 'calendar', from: { field: 'name' }, late: 'remind' },
        } as const,
        ...rest,
      ],
    ])
      assert.throws(broken({ steps }), RangeError)
    const { municipality, applicant } = nursery.roles
    assert.ok(municipality !== undefined)
    assert.throws(
      broken({
        roles: {
          ...nursery.roles,
          applicant,
          municipality: { ...municipality, receives: ['secret'] },
        },
      }),
      RangeError,
    )
  })
})
