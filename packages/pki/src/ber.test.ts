import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withDefiniteLengths } from './ber.ts'
import { MalformedError } from './der.ts'

const rewritten = (hex: string): string =>
  Buffer.from(withDefiniteLengths(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toString('hex')
const refused = (hex: string, code: string): void => {
  assert.throws(
    () => rewritten(hex),
    error => error instanceof MalformedError && error.code === code,
    hex,
  )
}

test('indefinite lengths end at their end-of-contents, nested ones too', () => {
  assert.equal(rewritten('3080 020105 0000'), '3003020105')
  assert.equal(rewritten('3080 3080 0000 a080 020101 0000 0000'), '30073000a003020101')
})

test('octet strings in pieces, also pieces of pieces, become one', () => {
  assert.equal(rewritten('2480 0402 0102 0401 03 0000'), '0403010203')
  assert.equal(rewritten('2409 2405 0401 01 0400 0400'), '040101')
  refused('2480 020101 0000', 'tag-unexpected')
})

test('what is DER stays the same, and lengths become minimal', () => {
  assert.equal(rewritten('30050203010203'), '30050203010203')
  assert.equal(rewritten('30810302 0105'.replace(' ', '')), '3003020105')
  assert.equal(rewritten(`308200 0402 0201 05`.replaceAll(' ', '')), '300402020105')
})

test('what is cut off, open-ended or too deep is refused', () => {
  refused('3080 020105', 'truncated')
  refused('3080 020105 00', 'tag-unsupported')
  refused('3003 0201', 'truncated')
  refused('0480 0000', 'length-indefinite')
  refused('3003 0202 01 05', 'truncated')
  refused('3003 020105 00', 'trailing-bytes')
  refused('30 89 000000000000000001 00', 'too-large')
  refused('3080'.repeat(40), 'too-deep')
})
