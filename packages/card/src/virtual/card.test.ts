import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { createVirtualCard, type VirtualCard } from './card.ts'
import { block, type CardState, parseCardState, resetPin } from './state.ts'
import {
  hex,
  randomFrom,
  testApplications,
  testCard,
  testKey,
  testNumbers,
} from './card-for-tests.ts'

const authenticationKey = testKey(1)
const signatureKey = testKey(2)
const adult = testCard(authenticationKey, signatureKey)
const selectJpki = '00A4040C0AD392F000260100000001'

function powered(
  state: CardState,
  onChange: (state: CardState) => void = () => undefined,
): VirtualCard {
  return createVirtualCard(state, { onChange })
}

async function send(card: VirtualCard, ...commands: readonly string[]): Promise<string> {
  let answer = ''
  for (const command of commands) answer = hex(await card.transmit(Buffer.from(command, 'hex')))
  return answer
}

const verifyPin = (pin: string): string => `0020009804${Buffer.from(pin).toString('hex')}`

test('a wrong try is written down before the answer leaves', async () => {
  const written: number[] = []
  let release = (): void => undefined
  const card = createVirtualCard(adult, {
    onChange: state => {
      written.push(state.authentication.triesLeft)
      return new Promise<void>(resolve => {
        release = resolve
      })
    },
  })
  await send(card, selectJpki)
  let answered = false
  const answer = send(card, verifyPin('0000')).finally(() => {
    answered = true
  })
  while (written.length === 0) await new Promise(resolve => setImmediate(resolve))
  assert.equal(answered, false)
  release()
  assert.equal(await answer, '63C2')
  assert.deepEqual(written, [2])
})

test('a card that cannot write answers 6581, keeps the lower counter and is not verified', async () => {
  let isBroken = true
  const card = powered(adult, () => {
    if (isBroken) throw new Error('disk full')
  })
  assert.equal(await send(card, selectJpki, verifyPin('0000')), '6581')
  assert.equal(await send(card, '00200098'), '63C2')
  assert.equal(await send(card, verifyPin('1234')), '6581')
  assert.equal(await send(card, '802A0097013000'), '6982')
  assert.equal(await send(card, '00200098'), '63C2')
  isBroken = false
  assert.equal(await send(card, verifyPin('1234'), '00200098'), '63C3')
})

test('a secret that could not be written down stays the old one', async () => {
  let isBroken = false
  const card = powered(adult, () => {
    if (isBroken) throw new Error('disk full')
  })
  await send(card, selectJpki, verifyPin('1234'), '00A4020C020018')
  isBroken = true
  assert.equal(await send(card, '002401800439383736'), '6581')
  isBroken = false
  assert.equal(await send(card, verifyPin('1234')), '9000')
})

test('the last wrong try blocks, the right PIN does not help any more, and only the window does', async () => {
  let kept = adult
  const card = powered(adult, state => {
    kept = state
  })
  await send(card, selectJpki, verifyPin('0000'), verifyPin('0000'))
  assert.equal(kept.authentication.triesLeft, 1)
  assert.equal(await send(card, verifyPin('0000')), '63C0')
  assert.equal(await send(card, verifyPin('1234')), '6984')
  const again = powered(kept)
  assert.equal(await send(again, selectJpki, verifyPin('1234')), '6984')
  const reset = powered(resetPin(kept, 'authentication', '5678'))
  assert.equal(await send(reset, selectJpki, verifyPin('1234')), '63C2')
  assert.equal(await send(reset, verifyPin('5678')), '9000')
})

test('a success at the last try gives all tries back', async () => {
  const kept: CardState[] = []
  const last = { ...adult, authentication: { ...adult.authentication, triesLeft: 1 } }
  const card = powered(last, state => kept.push(state))
  assert.equal(await send(card, selectJpki, verifyPin('1234')), '9000')
  assert.equal(kept[0]?.authentication.triesLeft, 3)
})

test('a wrong try after a right one takes the verified state away', async () => {
  const card = powered(adult)
  await send(card, selectJpki, verifyPin('1234'), verifyPin('9999'))
  assert.equal(await send(card, '802A0097013000'), '6982')
})

test('the verified state is lost with power and with selection of any application', async () => {
  const card = powered(adult)
  for (const lose of [
    () => send(card, '00A4040C0AD3921000310001010100', selectJpki),
    () => send(card, selectJpki),
    () => {
      card.reset()
      return send(card, selectJpki)
    },
  ]) {
    await send(card, selectJpki, verifyPin('1234'))
    assert.match(await send(card, '802A0097013000'), /9000$/)
    await lose()
    assert.equal(await send(card, '802A0097013000'), '6982')
  }
})

test('a failed SELECT leaves application and verified state as they were', async () => {
  const card = powered(adult)
  await send(card, selectJpki, verifyPin('1234'))
  assert.equal(await send(card, '00A4040C0BA000000308000010000100'), '6A82')
  assert.equal(await send(card, '00A4020C02FFFF'), '6A82')
  assert.match(await send(card, '802A0097013000'), /9000$/)
})

test('a truncated application identifier reaches whichever application matches first', async () => {
  const card = powered(adult)
  assert.equal(await send(card, '00A4040C08D392100031000101'), '9000')
  assert.equal(await send(card, '00A4020C02000A'), '6A82')
  assert.equal(await send(card, '00A4040C05D392F00026'), '9000')
  assert.equal(await send(card, '00A4020C02000A'), '9000')
  assert.equal(await send(card, '00A4040C04D392F000'), '6700')
})

test('one to 245 bytes are signed, none and 246 are not', async () => {
  const card = powered(adult)
  await send(card, selectJpki, verifyPin('1234'))
  const signing = (size: number): string =>
    `802A0097${size.toString(16).padStart(2, '0')}${'5A'.repeat(size)}00`
  assert.equal((await send(card, signing(245))).length, 516)
  assert.equal((await send(card, signing(1))).length, 516)
  assert.equal(await send(card, signing(246)), '6700')
  assert.equal(await send(card, '802A009700'), '6700')
  assert.equal(await send(card, '802A00970000010100000000'), '6700')
})

test('a card of a 14-year-old has no signature certificate, key or password to try', async () => {
  const card = powered(testCard(authenticationKey))
  await send(card, selectJpki)
  assert.equal(await send(card, '00A4020C020001'), '6A82')
  assert.equal(await send(card, '00A4020C02001A'), '6A82')
  assert.equal(await send(card, '0020009B'), '63C0')
  assert.equal(await send(card, '0020009B0853454B4953484F31'), '6984')
  assert.equal(await send(card, '00A4020C020008', '00B0000003'), '008F009000')
  assert.equal(await send(card, '802A009A013000'), '6A88')
})

test('a blocked card can be made, written as JSON and read back', async () => {
  const blocked = parseCardState(JSON.parse(JSON.stringify(block(adult, 'signature'))))
  assert.deepEqual(blocked, block(adult, 'signature'))
  const card = powered(blocked)
  assert.equal(await send(card, selectJpki, '0020009B0853454B4953484F31'), '6984')
})

test('a damaged key makes the card answer 6F00, not throw', async () => {
  const damaged = { ...adult, authentication: { ...adult.authentication, privateKey: 'AAAA' } }
  assert.equal(
    await send(powered(damaged), selectJpki, verifyPin('1234'), '802A0097013000'),
    '6F00',
  )
})

test('commands sent at once are answered one after the other', async () => {
  const card = powered(adult, () => undefined)
  await send(card, selectJpki)
  const answers = await Promise.all(Array.from({ length: 5 }, () => send(card, verifyPin('0000'))))
  assert.deepEqual(answers, ['63C2', '63C1', '63C0', '6984', '6984'])
})

test('no random command makes the card throw, answer less than a status word, or show a key or a PIN', async context => {
  const seed = randomInt(2 ** 32)
  context.diagnostic(`seed ${seed}`)
  const random = randomFrom(seed)
  const state: CardState = {
    ...adult,
    ...testApplications(),
    free: {
      capacity: 2048,
      applications: [
        {
          aid: 'F05345534B01',
          type: 'A',
          hasPin: true,
          ownerKey: Buffer.alloc(32, 'OWNERKEY').toString('base64'),
          pin: { secret: '8642', triesLeft: 3 },
          files: [{ id: 1, bytes: 16, count: 1, contents: [btoa('GUARDED')] }],
        },
      ],
    },
  }
  const card = createVirtualCard(state, {
    onChange: () => undefined,
    random: size => Uint8Array.from({ length: size }, () => random(256)),
  })
  const chip = Buffer.from(state.chip?.privateKey ?? '', 'base64')
  const pieces = [
    ...[Buffer.from(authenticationKey.pkcs8), Buffer.from(signatureKey.pkcs8), chip].flatMap(
      // Past the header and the public modulus lie the private numbers; any 12 bytes of them would be a leak.
      whole =>
        Array.from({ length: Math.floor((whole.length - 310) / 12) }, (_, at) =>
          whole.subarray(310 + at * 12, 322 + at * 12),
        ),
    ),
    ...[testNumbers.myNumber, testNumbers.residentCode, 'OWNERKEY', 'GUARDED'].map(text =>
      Buffer.from(text),
    ),
  ]
  const applications = [
    selectJpki,
    '00A4040C0AD3921000310001010408',
    '00A4040C0AD3921000310001010402',
    '00A4040C0AD3921000310001010401',
    '00A4040C06F05345534B01',
    '00A4040C07A0000001510000',
  ]
  const listed = (text: string): readonly number[] => [...Buffer.from(text, 'hex')]
  const instructions = listed('A4B0B220242ACAC0848882A2AE32D6DC2CE6E4F2')
  const parameters = listed('00010204060C808A91939497989A9B9C9FC121FF')
  const files = listed('01020304050607080A0B11141617181A1B1F')
  const byte = (): number => random(256)
  const of = (values: readonly number[]): number => values[random(values.length)] ?? 0
  let verified = 0
  for (let round = 0; round < 8000; round++) {
    const given: Record<number, () => number[]> = {
      0: () => Array.from({ length: random(20) }, byte),
      1: () => [0x00, 0xa4, 0x02, 0x0c, 2, 0, of(files)],
      2: () => [
        ...Buffer.from(
          round % 50 === 0 ? verifyPin('1234') : (applications[random(6)] ?? ''),
          'hex',
        ),
      ],
      3: () => [
        of([0, 0x80, 0x84, byte()]),
        of(instructions),
        of(parameters),
        of(parameters),
        byte(),
      ],
      4: () => {
        const data = Array.from({ length: random(260) }, byte)
        return [
          of([0, 0x80, 0x84]),
          of(instructions),
          of(parameters),
          byte(),
          data.length & 255,
          ...data,
        ]
      },
      5: () => [0x00, 0xb0, random(4), byte(), byte()],
    }
    const sent = given[random(6)]?.() ?? []
    const answer = Buffer.from(await card.transmit(Uint8Array.from(sent)))
    assert.ok(answer.length >= 2, hex(Uint8Array.from(sent)))
    if (answer.readUInt16BE(answer.length - 2) === 0x9000) verified++
    assert.ok(!answer.includes('SEKISHO1'))
    for (const piece of pieces) {
      assert.ok(!answer.includes(piece), hex(Uint8Array.from(sent)))
    }
  }
  assert.ok(verified > 100)
})
