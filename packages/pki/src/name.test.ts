import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedError, tags } from './der.ts'
import { element, objectIdentifier, sequence, setOf } from './der-writer.ts'
import { attributeTypes, encodeName, Name, prepareForMatch } from './name.ts'

function nameOf(tag: number, content: Uint8Array): Name {
  const attribute = sequence(objectIdentifier(attributeTypes.organization), element(tag, content))
  return new Name(sequence(setOf(attribute)))
}

function utf8(text: string): Name {
  return nameOf(tags.utf8String, Buffer.from(text))
}

test('names match across string types, letter case, width and insignificant space', () => {
  const wanted = utf8('Sekisho Authority')
  assert.ok(nameOf(tags.printableString, Buffer.from('SEKISHO AUTHORITY')).matches(wanted))
  assert.ok(utf8('  sekisho   authority ').matches(wanted))
  assert.ok(utf8('Ｓｅｋｉｓｈｏ　Ａｕｔｈｏｒｉｔｙ').matches(wanted))
  assert.ok(utf8('Seki\u00adsho\u200b Authority').matches(wanted))
  const bmp = Buffer.from([0x79, 0x5e, 0x59, 0x48, 0x5d, 0xdd])
  assert.ok(nameOf(tags.bmpString, bmp).matches(utf8('神奈川')))
})

test('names that differ in a letter, in order, in type or in length do not match', () => {
  const wanted = utf8('地方公共団体情報システム機構')
  assert.ok(!utf8('地方公共団体情報システム機溝').matches(wanted))
  assert.ok(!utf8('髙橋').matches(utf8('高橋')), 'variants of a kanji are different names')
  const { country, organization, commonName } = attributeTypes
  const two = encodeName([
    [country, 'JP'],
    [organization, 'JPKI'],
  ])
  const turned = encodeName([
    [organization, 'JPKI'],
    [country, 'JP'],
  ])
  const longer = encodeName([
    [country, 'JP'],
    [organization, 'JPKI'],
    [commonName, 'x'],
  ])
  assert.ok(!two.matches(turned))
  assert.ok(!two.matches(longer))
  assert.ok(
    !two.matches(
      encodeName([
        [country, 'JP'],
        [commonName, 'JPKI'],
      ]),
    ),
  )
  assert.ok(longer.isWithin(two))
  assert.ok(!two.isWithin(longer))
})

test('a relative name with several attributes matches in any order', () => {
  const attribute = (type: string, text: string): Uint8Array =>
    sequence(objectIdentifier(type), element(tags.utf8String, Buffer.from(text)))
  const a = attribute(attributeTypes.organization, 'A')
  const b = attribute(attributeTypes.commonName, 'B')
  const one = new Name(sequence(element(tags.set, a, b)))
  const other = new Name(sequence(element(tags.set, b, a)))
  assert.ok(one.matches(other))
})

test('text cannot be chosen so that two attributes look like one', () => {
  const { organization, commonName } = attributeTypes
  const plain = encodeName([
    [organization, 'A'],
    [commonName, 'B'],
  ])
  const forged = encodeName([[organization, `A\n${commonName}="B`]])
  assert.notEqual(plain.key, forged.key)
})

test('a name whose content is not a name is malformed, when it is looked into', () => {
  const name = new Name(sequence(setOf()))
  assert.throws(() => name.relativeNames, MalformedError)
})

test('preparation for matching folds once and for all', () => {
  for (const text of ['Straße', 'ＡＢＣ　ｄ', 'ﾔﾏﾀﾞ', 'Ⅲ', '  a  b ', '①']) {
    const once = prepareForMatch(text)
    assert.equal(prepareForMatch(once), once)
  }
})
