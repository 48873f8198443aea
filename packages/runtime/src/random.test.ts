import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom, systemRandom } from './random.ts'

describe('a seeded source', () => {
  it('repeats itself whole, however it is asked, and differs by seed', () => {
    const one = seededRandom('seed')
    const two = seededRandom('seed')
    const pieces = [one.bytes(1), one.bytes(40), one.bytes(0), one.bytes(23)].map(part => [...part])
    assert.deepEqual(pieces.flat(), [...two.bytes(64)])
    assert.notDeepEqual(seededRandom('seed').bytes(8), seededRandom('seed2').bytes(8))
  })
})

describe("the system's source", () => {
  it('gives every length, and nothing twice, whoever writes into what was given', () => {
    const random = systemRandom()
    const seen = new Set<string>()
    for (let round = 0; round < 500; round++)
      for (const length of [16, 33, 1023, 1024, 1025, 5000]) {
        const bytes = random.bytes(length)
        assert.equal(bytes.length, length)
        seen.add(Buffer.from(bytes.subarray(0, 16)).toString('hex'))
        bytes.fill(0)
      }
    assert.equal(seen.size, 3000)
  })
})

describe('any source', () => {
  it('makes UUIDs of version 7 in the order of their instants', () => {
    const random = systemRandom()
    const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    const ids = [0, 1, 1_767_225_600_000, 2 ** 48 - 1].map(at => random.uuidv7(at))
    for (const id of ids) assert.match(id, form)
    assert.deepEqual(ids.toSorted(), ids)
    // RFC 9562, appendix A.6: this instant begins 017F22E2-79B0.
    assert.match(random.uuidv7(0x017f22e279b0), /^017f22e2-79b0-7/)
    for (const at of [-1, 0.5, 2 ** 48]) assert.throws(() => random.uuidv7(at), /does not fit/)
  })

  it('makes tokens of the bits asked for, all different', () => {
    const random = systemRandom()
    assert.match(random.token(128), /^[\w-]{22}$/)
    assert.equal(new Set(Array.from({ length: 1_000 }, () => random.token(128))).size, 1_000)
    assert.throws(() => random.token(100), /multiple of 8/)
  })
})
