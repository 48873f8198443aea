import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLog, defineMessages, raisingSink } from './log.ts'

const messages = defineMessages({
  'test.begun': { level: 'info', text: 'it begins' },
  'test.happened': {
    level: 'warn',
    text: 'it happened',
    fields: { where: 'code', count: 'number', good: 'boolean', why: 'fault' },
  },
  'test.detail': { level: 'debug', text: 'a detail' },
})

describe('the log', () => {
  it('writes declared messages as JSON lines, and quiet ones only when asked', () => {
    const sink = raisingSink(() => [])
    const log = createLog({ program: 'test', sink })
    log.write(messages['test.begun'])
    log.write(messages['test.detail'])
    const why = new Error('outer', { cause: new Error('inner') })
    log.write(messages['test.happened'], { where: '/a/:id', count: 2, good: true, why })
    const [begun, happened, ...rest] = sink.lines()
    assert.equal(begun?.['code'], 'test.begun')
    assert.equal(begun?.['level'], 'info')
    assert.equal(begun?.['program'], 'test')
    assert.equal(happened?.['where'], '/a/:id')
    assert.match(JSON.stringify(happened?.['why']), /"cause":\{"name":"Error","message":"inner"/)
    assert.equal(rest.length, 0)
  })

  it('does not write a sentence where a code belongs, nor fields that were not declared', () => {
    const sink = raisingSink(() => [])
    const log = createLog({ program: 'test', sink })
    const given = { where: 'Hanako Yamada', count: 1, good: true, why: 'text', extra: 'extra' }
    log.write(messages['test.happened'], given)
    const line = JSON.stringify(sink.lines()[0])
    assert.doesNotMatch(line, /Hanako|extra/)
    assert.match(line, /not a code/)
  })

  it('refuses to declare a code or a field that could be mistaken', () => {
    assert.throws(() => defineMessages({ Bad: { level: 'info', text: '' } }), /not a message code/)
    assert.throws(
      () => defineMessages({ 'a.b': { level: 'info', text: '', fields: { time: 'number' } } }),
      /reserved/,
    )
  })
})

describe('the raising sink', () => {
  const serial = Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc)
  const forbidden = ['山田花子', '1234', serial, '20015998341291']
  const raises = (where: string): boolean => {
    const sink = raisingSink(() => forbidden)
    const log = createLog({ program: 'test', sink })
    try {
      log.write(messages['test.happened'], { where, count: 1234, good: true, why: new Error('x') })
    } catch {
      assert.deepEqual(sink.violations(), ['test.happened'])
      return true
    }
    return false
  }

  it('raises on an attribute, a PIN or a serial, in every spelling', () => {
    const decimal = BigInt(`0x${Buffer.from(serial).toString('hex')}`).toString()
    const spelled = [
      'x山田花子x',
      'pin=1234',
      decimal,
      'a123456789abcb',
      'A123456789ABC',
      Buffer.from(serial).toString('base64'),
      Buffer.from(serial).toString('base64url'),
      Buffer.from('山田花子').toString('base64url'),
      '20015998341291',
      BigInt('20015998341291').toString(16),
    ]
    for (const value of spelled) assert.equal(raises(value), true, value)
  })

  it('does not take part of another number for a PIN', () => {
    for (const value of ['12345', 'x1234', '/v1', 'a-1235'])
      assert.equal(raises(value), false, value)
  })

  it('looks into errors too', () => {
    const sink = raisingSink(() => forbidden)
    const log = createLog({ program: 'test', sink })
    const why = new Error('outer', { cause: new Error('for 山田花子') })
    assert.throws(() =>
      log.write(messages['test.happened'], { where: 'x', count: 1, good: true, why }),
    )
  })
})
