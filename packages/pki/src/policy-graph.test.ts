import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Certificate, parseCertificate } from './certificate.ts'
import { anyPolicy } from './extension.ts'
import { type EncodedExtension, extension, issueCertificate } from './issue/certificate.ts'
import { poolKey } from './issue/pool.ts'
import { encodeName } from './name.ts'
import { judgeOneTier, PolicyGraph, type PolicyInputs, type PolicyOutputs } from './policy-graph.ts'
import type { Reason } from './reason.ts'

const gold = '2.999.1'
const silver = '2.999.2'
const bronze = '2.999.3'

function carrying(extensions: readonly EncodedExtension[]): Certificate {
  const key = poolKey(0)
  const content = {
    serial: Uint8Array.of(1),
    issuer: encodeName([['2.5.4.3', 'a']]),
    subject: encodeName([['2.5.4.3', 'b']]),
    notBefore: 0,
    notAfter: 1,
    spki: key.spki,
    extensions,
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', () => Uint8Array.of(0)))
}

function policies(...ids: readonly string[]): EncodedExtension {
  return extension.policies(
    ids.map(id => ({ id })),
    true,
  )
}

const open: PolicyInputs = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
}

function judge(
  chain: readonly (readonly EncodedExtension[])[],
  inputs: Partial<PolicyInputs> = {},
): PolicyOutputs | Reason {
  const graph = new PolicyGraph({ ...open, ...inputs }, chain.length)
  for (const [i, extensions] of chain.entries()) {
    const certificate = carrying(extensions)
    const isLast = i === chain.length - 1
    const bad =
      graph.process(certificate, false) ?? (isLast ? undefined : graph.prepare(certificate, false))
    if (bad !== undefined) return bad
    if (isLast) return graph.finish(certificate)
  }
  throw new Error('empty chain')
}

function outcome(found: PolicyOutputs | Reason): string {
  return 'code' in found ? found.code : [...found.userConstrained].sort().join(' ')
}

test('a policy holds only when every certificate of the path has it', () => {
  const required = { isExplicitRequired: true }
  assert.equal(outcome(judge([[policies(gold, silver)], [policies(gold)]], required)), gold)
  assert.equal(
    outcome(judge([[policies(silver)], [policies(gold)]], required)),
    'policy-unacceptable',
  )
  assert.equal(outcome(judge([[], [policies(gold)]], required)), 'policy-unacceptable')
  assert.equal(outcome(judge([[], [policies(gold)]])), '')
})

test('the acceptable set is what must remain', () => {
  const given = { isExplicitRequired: true, acceptable: [silver] }
  assert.equal(outcome(judge([[policies(gold, silver)], [policies(gold, silver)]], given)), silver)
  assert.equal(outcome(judge([[policies(gold)], [policies(gold)]], given)), 'policy-unacceptable')
})

test('any-policy stands for whatever comes, until it is inhibited', () => {
  const given = { isExplicitRequired: true, acceptable: [gold] }
  assert.equal(outcome(judge([[policies(anyPolicy)], [policies(gold)]], given)), gold)
  assert.equal(outcome(judge([[policies(gold)], [policies(anyPolicy)]], given)), gold)
  assert.equal(
    outcome(judge([[policies(anyPolicy)], [policies(gold)]], { ...given, isAnyInhibited: true })),
    'policy-unacceptable',
  )
  const inhibiting = [policies(anyPolicy), extension.inhibitAnyPolicy(0)]
  assert.equal(outcome(judge([inhibiting, [policies(anyPolicy)]], given)), 'policy-unacceptable')
})

test('a mapping carries a policy over, unless mapping is inhibited', () => {
  const mapping = [policies(gold), extension.policyMappings([[gold, silver]])]
  const given = { isExplicitRequired: true, acceptable: [gold] }
  assert.equal(outcome(judge([mapping, [policies(silver)]], given)), gold)
  assert.equal(outcome(judge([mapping, [policies(gold)]], given)), 'policy-unacceptable')
  assert.equal(
    outcome(judge([mapping, [policies(silver)]], { ...given, isMappingInhibited: true })),
    'policy-unacceptable',
  )
  const toAny = [policies(gold), extension.policyMappings([[gold, anyPolicy]])]
  assert.equal(outcome(judge([toAny, [policies(silver)]])), 'policy-unacceptable')
})

test('policy constraints in a certificate make policies required, now or further down', () => {
  const now = [extension.policyConstraints(0)]
  const later = [extension.policyConstraints(1)]
  assert.equal(outcome(judge([now, []])), 'policy-unacceptable')
  assert.equal(outcome(judge([later, []])), 'policy-unacceptable')
  assert.equal(outcome(judge([[extension.policyConstraints(3)], []])), '')
})

test('hostile mappings do not make the graph grow beyond policies times levels', () => {
  const ids = Array.from({ length: 50 }, (_, i) => `2.999.50.${i}`)
  const pairs = ids.flatMap(from => ids.map(to => [from, to] as const))
  const level = [policies(...ids), extension.policyMappings(pairs)]
  const began = performance.now()
  const found = judge([level, level, level, level, level, [policies(...ids)]])
  assert.ok(!('code' in found) && found.authorityConstrained.length === 50)
  assert.ok(performance.now() - began < 1000)
})

test('the short judgement of one tier says what the graph says', () => {
  const leaves = [
    [],
    [policies(gold)],
    [policies(gold, silver)],
    [policies(anyPolicy)],
    [policies(anyPolicy, gold)],
    [policies(gold), extension.policyConstraints(0)],
    [extension.policyConstraints(0)],
  ]
  const sets = ['any', [gold], [bronze], [anyPolicy], [gold, bronze]] as const
  for (const leaf of leaves) {
    for (const acceptable of sets) {
      for (const isExplicitRequired of [true, false]) {
        for (const isAnyInhibited of [true, false]) {
          const inputs = { ...open, acceptable, isExplicitRequired, isAnyInhibited }
          const byGraph = judge([leaf], inputs)
          const short = judgeOneTier(carrying(leaf), inputs)
          assert.equal(outcome(short), outcome(byGraph), JSON.stringify(inputs))
        }
      }
    }
  }
})
