import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  contextConstructed,
  DerReader,
  derDepthMax,
  type MalformedCode,
  MalformedError,
  readAll,
  tags,
  toHex,
} from './der.ts'
import * as writer from './der-writer.ts'

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/ /g, ''), 'hex'))
}

function refuses(code: MalformedCode, bytes: string, read: (reader: DerReader) => unknown): void {
  assert.throws(
    () => readAll(hex(bytes), 1000, read),
    (error: unknown) => error instanceof MalformedError && error.code === code,
    `${bytes} should be refused as ${code}`,
  )
}

test('lengths are definite, minimal and within the input', () => {
  refuses('length-indefinite', '30 80 00 00', reader => reader.enter(tags.sequence))
  refuses('length-not-minimal', '04 81 01 aa', reader => reader.readOctetString())
  refuses('length-not-minimal', '04 82 00 80', reader => reader.readOctetString())
  refuses('truncated', '04 02 aa', reader => reader.readOctetString())
  refuses('truncated', '04', reader => reader.readOctetString())
  refuses('too-large', '04 85 01 00 00 00 00', reader => reader.readOctetString())
  assert.equal(
    readAll(hex(`048180${'aa'.repeat(128)}`), 1000, r => r.readOctetString()).length,
    128,
  )
})

test('nothing may follow a value, and nothing larger than the limit is read', () => {
  refuses('trailing-bytes', '05 00 00', reader => reader.readNull())
  assert.throws(() => readAll(new Uint8Array(11), 10, reader => reader.next()), MalformedError)
})

test('integers are minimal and in range', () => {
  refuses('integer-not-minimal', '02 00', reader => reader.readInteger())
  refuses('integer-not-minimal', '02 02 00 7f', reader => reader.readInteger())
  refuses('integer-not-minimal', '02 02 ff 80', reader => reader.readInteger())
  refuses('integer-out-of-range', '02 01 ff', reader => reader.readUnsigned(10))
  refuses('integer-out-of-range', '02 01 0b', reader => reader.readUnsigned(10))
  refuses('integer-out-of-range', '02 08 7f ff ff ff ff ff ff ff', r => r.readUnsigned(2 ** 53 - 1))
  assert.equal(
    readAll(hex('02 02 00 80'), 100, reader => reader.readUnsigned(1000)),
    128,
  )
})

test('a BOOLEAN is 00 or FF, and a default is not encoded', () => {
  refuses('boolean-invalid', '01 01 01', reader => reader.readBoolean())
  refuses('boolean-invalid', '01 02 ff ff', reader => reader.readBoolean())
  refuses('default-encoded', '01 01 00', reader => reader.readDefaultFalse())
  assert.equal(
    readAll(hex('01 01 ff'), 100, reader => reader.readDefaultFalse()),
    true,
  )
})

test('bit strings have zero padding, and named bits no trailing zero', () => {
  refuses('bit-string-invalid', '03 00', reader => reader.readBitString())
  refuses('bit-string-invalid', '03 01 01', reader => reader.readBitString())
  refuses('bit-string-invalid', '03 02 08 00', reader => reader.readBitString())
  refuses('bit-string-invalid', '03 02 01 01', reader => reader.readBitString())
  refuses('bit-string-invalid', '03 02 00 80', reader => reader.readNamedBits())
  refuses('bit-string-invalid', '03 02 01 80', reader => reader.readBitStringBytes())
  assert.equal(
    readAll(hex('03 02 06 c0'), 100, reader => reader.readNamedBits()),
    3,
  )
})

test('object identifiers are minimal, complete, and as large as anyone writes them', () => {
  refuses('identifier-invalid', '06 00', reader => reader.readObjectIdentifier())
  refuses('identifier-invalid', '06 02 80 01', reader => reader.readObjectIdentifier())
  refuses('identifier-invalid', '06 02 2a 86', reader => reader.readObjectIdentifier())
  const ids = ['0.0', '1.39.1', '2.5.4.3', '2.999.3', '1.2.392.200149.8.5.1.1.20']
  for (const id of ids) {
    assert.equal(
      readAll(writer.objectIdentifier(id), 100, reader => reader.readObjectIdentifier()),
      id,
    )
  }
  const large = hex('06 14 69 81 9a c0 b0 95 a0 c5 93 d8 bc b1 b3 bd f0 ff ff ff ff 7f')
  assert.match(
    readAll(large, 100, reader => reader.readObjectIdentifier()),
    /^2\.25\.\d{30,}$/,
  )
})

test('times have seconds and Z, exist in the calendar, and come back as the instant they were', () => {
  for (const wrong of [
    '2302290000',
    '230229000000+0900',
    '230230000000Z',
    '230231240000Z',
    '231301000000Z',
  ]) {
    refuses('time-invalid', toHex(writer.element(tags.utcTime, Buffer.from(wrong))), reader =>
      reader.readTime(),
    )
  }
  const fraction = writer.element(tags.generalizedTime, Buffer.from('20230101000000.5Z'))
  refuses('time-invalid', toHex(fraction), reader => reader.readTime())
  const instants = [
    Date.UTC(1950, 0, 1),
    Date.UTC(1970, 0, 1),
    Date.UTC(2000, 1, 29, 23, 59, 59),
    Date.UTC(2049, 11, 31),
    Date.UTC(2050, 0, 1),
    Date.UTC(2100, 1, 28, 14, 59, 59),
    Date.UTC(9999, 11, 31, 23, 59, 59),
  ]
  for (const at of instants) {
    assert.equal(
      readAll(writer.time(at), 100, reader => reader.readTime()),
      at,
    )
  }
  assert.equal(writer.time(Date.UTC(2050, 0, 1))[0], tags.generalizedTime)
})

test('character strings of every type are decoded strictly', () => {
  const decode = (tag: number, content: string): string =>
    readAll(writer.element(tag, hex(content)), 100, reader => reader.readString())
  assert.equal(decode(tags.utf8String, 'e7a59e efbc9f'), '神？')
  assert.equal(decode(tags.bmpString, '795e 0041'), '神A')
  assert.equal(decode(tags.universalString, '00020bb7'), '𠮷')
  assert.equal(decode(tags.teletexString, 'e9'), 'é')
  assert.throws(() => decode(tags.utf8String, 'c0af'), MalformedError)
  assert.throws(() => decode(tags.utf8String, 'eda080'), MalformedError)
  assert.throws(() => decode(tags.bmpString, 'd800'), MalformedError)
  assert.throws(() => decode(tags.bmpString, '00'), MalformedError)
  assert.throws(() => decode(tags.universalString, '00110000'), MalformedError)
  assert.throws(() => decode(tags.printableString, '5c'), MalformedError)
  assert.throws(() => decode(tags.ia5String, '80'), MalformedError)
})

test('nesting ends at the limit', () => {
  let bytes = writer.nullValue()
  for (let i = 0; i <= derDepthMax; i++) bytes = writer.explicit(0, bytes)
  let reader = new DerReader(bytes)
  assert.throws(
    () => {
      for (;;) reader = reader.enter(contextConstructed(0))
    },
    (error: unknown) => error instanceof MalformedError && error.code === 'too-deep',
  )
})

test('the writer writes integers minimally, sets in order, and named bits without trailing zeros', () => {
  assert.equal(toHex(writer.integer(0)), '020100')
  assert.equal(toHex(writer.integer(128)), '02020080')
  assert.equal(toHex(writer.integer(-129)), '0202ff7f')
  assert.equal(toHex(writer.integer(hex('000000ff'))), '020200ff')
  assert.equal(toHex(writer.setOf(writer.integer(2), writer.integer(1))), '3106020101020102')
  assert.equal(toHex(writer.namedBits(0b11)), '030206c0')
  assert.equal(toHex(writer.namedBits(1 << 8)), '0303070080')
  assert.throws(() => writer.objectIdentifier('3.1'), RangeError)
  assert.throws(() => writer.printableString('名'), RangeError)
})
