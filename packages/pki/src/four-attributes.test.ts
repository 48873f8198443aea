import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  attributeNames,
  type BirthDate,
  encodeBirthDate,
  type FourAttributes,
  readFourAttributes,
} from './four-attributes.ts'
import { extension, generalName, issueCertificate } from './issue/certificate.ts'
import { poolKey } from './issue/pool.ts'
import { encodeName } from './name.ts'
import {
  codeOf,
  specimenAttributes,
  specimenAuthority,
  specimenLeaf,
} from './specimen-for-tests.ts'

const good: Readonly<Record<string, string>> = {
  [attributeNames.name]: '見本　花子',
  [attributeNames.birthDate]: '419900203',
  [attributeNames.gender]: '2',
  [attributeNames.address]: '東京都千代田区',
  [attributeNames.nameSubstitutes]: '00001',
  [attributeNames.addressSubstitutes]: '0000000',
}

function withNames(names: readonly Uint8Array[]): Certificate {
  const name = encodeName([['2.5.4.3', 'x']])
  const content = {
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBefore: 0,
    notAfter: 1,
    spki: poolKey(0).spki,
    extensions: names.length === 0 ? [] : [extension.subjectAltName(names)],
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', () => Uint8Array.of(0)))
}

function read(values: Readonly<Record<string, string>>): ReturnType<typeof readFourAttributes> {
  const names = Object.entries(values).map(([type, text]) => generalName.otherText(type, text))
  return readFourAttributes(withNames(names))
}

function attributesOf(values: Readonly<Record<string, string>>): FourAttributes {
  const verdict = read(values)
  assert.ok(verdict.kind === 'passed', codeOf(verdict))
  return verdict.value
}

test('what a signature certificate was issued with is read back', () => {
  const leaf = specimenLeaf('signature', specimenAuthority('signature', 0), 1)
  assert.deepEqual(readFourAttributes(leaf), { kind: 'passed', value: specimenAttributes })
})

test('unknown names beside the six are tolerated, in any order', () => {
  const more = { '1.2.392.200149.8.5.5.7': 'ケンホン', ...good, '2.999.1': 'x' }
  assert.equal(attributesOf(more).name, '見本　花子')
})

test('a missing, an empty and a repeated attribute are malformed', () => {
  for (const type of Object.values(attributeNames)) {
    const { [type]: _, ...rest } = good
    assert.equal(codeOf(read(rest)), 'attributes-malformed')
    assert.equal(codeOf(read({ ...good, [type]: '' })), 'attributes-malformed')
    const twice = [...Object.entries(good), [type, good[type] ?? ''] as const]
    const names = twice.map(([each, text]) => generalName.otherText(each, text))
    assert.equal(codeOf(readFourAttributes(withNames(names))), 'attributes-malformed')
  }
  assert.equal(codeOf(readFourAttributes(withNames([]))), 'attributes-malformed')
})

test('substitute flags are one for each character, also for characters beyond the basic plane', () => {
  const name = '𠮷田　花子'
  const value = attributesOf({
    ...good,
    [attributeNames.name]: name,
    [attributeNames.nameSubstitutes]: '10000',
  })
  assert.deepEqual(value.nameSubstitutes, [true, false, false, false, false])
  for (const flags of ['0000', '000000', '00002', '0000 ']) {
    assert.equal(
      codeOf(read({ ...good, [attributeNames.nameSubstitutes]: flags })),
      'attributes-malformed',
    )
  }
})

test('a birth date is an era digit and a Gregorian date, with parts that may be unknown', () => {
  const birth = (text: string): BirthDate | string => {
    const verdict = read({ ...good, [attributeNames.birthDate]: text })
    return verdict.kind === 'passed' ? verdict.value.birthDate : codeOf(verdict)
  }
  assert.deepEqual(birth('520190501'), { kind: 'full', era: 'reiwa', year: 2019, month: 5, day: 1 })
  assert.deepEqual(birth('320000229'), {
    kind: 'full',
    era: 'showa',
    year: 2000,
    month: 2,
    day: 29,
  })
  assert.deepEqual(birth('319450000'), {
    kind: 'partial',
    era: 'showa',
    year: 1945,
    month: undefined,
    day: undefined,
  })
  assert.deepEqual(birth('000000000'), {
    kind: 'partial',
    era: 'unknown',
    year: undefined,
    month: undefined,
    day: undefined,
  })
  for (const wrong of [
    '619900203',
    '419901303',
    '419900230',
    '41990020',
    '4199002030',
    '4 1990023',
    '４19900203',
  ]) {
    assert.equal(birth(wrong), 'attributes-malformed', wrong)
  }
})

test('birth dates of every form are written as they were read', () => {
  for (const text of ['419900203', '319450000', '000000000', '118680125', '219130800']) {
    assert.equal(
      encodeBirthDate(attributesOf({ ...good, [attributeNames.birthDate]: text }).birthDate),
      text,
    )
  }
})

test('gender is 1, 2 or 3 and nothing else', () => {
  const gender = (digit: string): string => {
    const verdict = read({ ...good, [attributeNames.gender]: digit })
    return verdict.kind === 'passed' ? verdict.value.gender : codeOf(verdict)
  }
  assert.deepEqual(['1', '2', '3'].map(gender), ['male', 'female', 'unknown'])
  for (const wrong of ['0', '4', '9', '11']) assert.equal(gender(wrong), 'attributes-malformed')
})

test('no reason tells the value that was wrong', () => {
  const verdict = read({ ...good, [attributeNames.birthDate]: '999999999' })
  assert.doesNotMatch(JSON.stringify(verdict), /999999999|見本/)
})
