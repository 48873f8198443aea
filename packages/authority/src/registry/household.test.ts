import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Member, nextHead, relationOfChild, relations, relationToNew } from './household.ts'

const member = (id: string, relation: Member['relation'], year: number): Member => ({
  id,
  relation,
  birth: { year, month: 1, day: 1 },
})

test('the spouse follows as head, else the eldest, and nobody where nobody is left', () => {
  const [spouse, child, mother] = [
    member('s', 'spouse', 1990),
    member('c', 'child', 2015),
    member('m', 'parent', 1955),
  ]
  assert.equal(nextHead([child, mother, spouse]), spouse)
  assert.equal(nextHead([child, mother]), mother)
  assert.equal(nextHead([child]), child)
  assert.equal(nextHead([]), undefined)
})

test('relations are told anew when another becomes head, and telling them back gives what was', () => {
  assert.equal(relationToNew('spouse', 'child'), 'child')
  assert.equal(relationToNew('child', 'spouse'), 'parent')
  assert.equal(relationToNew('child', 'child'), 'sibling')
  assert.equal(relationToNew('child', 'head'), 'parent')
  assert.equal(relationToNew('parent', 'head'), 'child')
  assert.equal(relationToNew('spouse', 'parent'), 'relative', 'parents-in-law')
  assert.equal(relationToNew('lodger', 'head'), 'lodger')
  for (const relation of ['spouse', 'child', 'parent', 'sibling'] as const) {
    const back = relationToNew(relation, 'head')
    assert.equal(relationToNew(back, 'head'), relation)
  }
  for (const head of relations.slice(1))
    for (const other of relations.slice(1))
      assert.notEqual(relationToNew(head, other), 'head', `${head} ${other}`)
})

test('a child is what its parent makes it to the head', () => {
  assert.equal(relationOfChild('head'), 'child')
  assert.equal(relationOfChild('spouse'), 'child')
  assert.equal(relationOfChild('child'), 'grandchild')
  assert.equal(relationOfChild('sibling'), 'relative')
  assert.equal(relationOfChild('lodger'), 'lodger')
})
