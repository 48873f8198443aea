import assert from 'node:assert/strict'
import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { test } from 'node:test'
import { importPublicKey } from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import { type Card, CardGone } from './exchange.ts'
import { composePlan, fromHex, type FreePlan, roomOf } from './free-plan.ts'
import {
  type OwnerSession,
  proveOwner,
  readCommonId,
  readLoadedFile,
  readLoadedRecord,
  selectLoaded,
  setLoadedPin,
  verifyLoadedPin,
  writeLoadedFile,
  writeLoadedRecord,
} from './loaded.ts'
import {
  deleteApplication,
  listApplications,
  loadApplication,
  type LoadingSession,
  openLoading,
  readFreeRoom,
  throughChannel,
} from './loading.ts'
import { parsePin, type Pin } from './pin.ts'
import type { Outcome } from './reason.ts'
import { createVirtualCard, type VirtualCard } from './virtual/card.ts'
import { type CardState, parseCardState } from './virtual/state.ts'
import {
  hex,
  randomFrom,
  testApplications,
  testCard,
  testChipAnchor,
  testKey,
  testTerminal,
  testTerminalAuthority,
} from './virtual/card-for-tests.ts'

const today = '20261120'
const full: CardState = { ...testCard(testKey(1)), ...testApplications() }
const loader = testTerminal({ role: 'loading-operator' })
const chipAnchors = [testChipAnchor]

/** Types A, C and D as a town would load them. */
const kiosk: FreePlan = {
  aid: 'F05345534B01',
  type: 'A',
  hasPin: true,
  files: [{ id: 1, bytes: 32, count: 4 }],
}
const library: FreePlan = {
  aid: 'F05345534B02',
  type: 'C',
  hasPin: false,
  files: [{ id: 1, bytes: 16, count: 1 }],
}
const shelter: FreePlan = {
  aid: 'F05345534B03',
  type: 'D',
  hasPin: true,
  files: [{ id: 1, bytes: 600, count: 1 }],
}

/** A card with what it last wrote down, as its file would hold it. */
function powered(state: CardState = full): { card: VirtualCard; kept(): CardState } {
  let kept = state
  const card = createVirtualCard(parseCardState(JSON.parse(JSON.stringify(state))), {
    onChange: changed => {
      kept = parseCardState(JSON.parse(JSON.stringify(changed)))
    },
    random: size => new Uint8Array(randomBytes(size)),
  })
  return { card, kept: () => kept }
}

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

const said = (outcome: Outcome<unknown>): string =>
  outcome.kind === 'done' ? 'done' : outcome.reason

const open = (card: Card, terminal = loader): Promise<Outcome<LoadingSession>> =>
  openLoading(card, terminal, { chipAnchors, seed: new Uint8Array(randomBytes(32)), today })

const keyFor = (plan: FreePlan): Uint8Array =>
  new Uint8Array(createHmac('sha256', 'TEST ONLY').update(plan.aid).digest())

function prove(card: Card, plan: FreePlan, key = keyFor(plan)): Promise<Outcome<OwnerSession>> {
  return proveOwner(card, {
    aid: plan.aid,
    key: { hmac: message => new Uint8Array(createHmac('sha256', key).update(message).digest()) },
    random: new Uint8Array(randomBytes(16)),
    encrypted: plan.type === 'D',
  })
}

async function loaded(...plans: readonly FreePlan[]): Promise<{
  card: VirtualCard
  kept(): CardState
}> {
  const held = powered()
  const session = valueOf(await open(held.card))
  for (const plan of plans) valueOf(await loadApplication(session, plan, keyFor(plan)))
  return held
}

const pinOf = (typed: string): Pin => valueOf(parsePin('free-pin', typed))
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

test('a loading terminal loads the three types, lists them with their room, and deletes one', async () => {
  const { card, kept } = powered()
  const session = valueOf(await open(card))
  assert.equal(session.serial, '123456789012345')
  for (const plan of [kiosk, library, shelter])
    valueOf(await loadApplication(session, plan, keyFor(plan)))
  assert.deepEqual(
    valueOf(await listApplications(session)),
    [kiosk, library, shelter].map(({ aid, type, hasPin, files }) => ({
      aid,
      type,
      hasPin,
      room: roomOf({ files }),
    })),
  )
  valueOf(await deleteApplication(session, library.aid))
  assert.equal(said(await deleteApplication(session, library.aid)), 'application-absent')
  const room = valueOf(await readFreeRoom(card))
  assert.deepEqual(room, { applications: 2, bytes: 2048 - roomOf(kiosk) - roomOf(shelter) })
  const again = powered(kept())
  assert.deepEqual(valueOf(await readFreeRoom(again.card)), room)
  assert.equal(said(await selectLoaded(again.card, library.aid)), 'application-absent')
  assert.equal(said(await selectLoaded(again.card, kiosk.aid)), 'done')
})

test('capacity exceeded is refused with nothing half-written; what fits to the last byte is taken', async () => {
  const { card, kept } = powered()
  const session = valueOf(await open(card))
  const fill = (count: number): FreePlan => ({
    ...shelter,
    files: [{ id: 1, bytes: 2048 - 64 - 16 + count, count: 1 }],
  })
  assert.equal(said(await loadApplication(session, fill(1), keyFor(shelter))), 'area-full')
  assert.deepEqual(valueOf(await listApplications(session)), [])
  assert.equal(kept().free?.applications.length, 0)
  assert.equal(said(await loadApplication(session, fill(0), keyFor(shelter))), 'done')
  assert.equal(said(await loadApplication(session, library, keyFor(library))), 'area-full')
  assert.equal(valueOf(await readFreeRoom(card)).bytes, 0)
})

test('when the card cannot write, nothing is loaded and the card says so', async () => {
  let isBroken = false
  const card = createVirtualCard(full, {
    onChange: () => {
      if (isBroken) throw new Error('disk full')
    },
    random: size => new Uint8Array(randomBytes(size)),
  })
  const session = valueOf(await open(card))
  isBroken = true
  assert.equal(said(await loadApplication(session, kiosk, keyFor(kiosk))), 'card-memory')
  isBroken = false
  assert.deepEqual(valueOf(await readFreeRoom(card)), { applications: 0, bytes: 2048 })
  assert.deepEqual(valueOf(await listApplications(valueOf(await open(card)))), [])
})

test('an identifier that another application has, begins or is begun by is refused', async () => {
  const { card } = await loaded(kiosk)
  const session = valueOf(await open(card))
  for (const aid of [
    kiosk.aid,
    kiosk.aid.slice(0, 10),
    `${kiosk.aid}00`,
    'D392F00026',
    'D392F0002601000000010A',
    'A000000151',
  ])
    assert.equal(
      said(await loadApplication(session, { ...library, aid }, keyFor(library))),
      'application-present',
      aid,
    )
})

test('only a loading terminal of an operator that the authority certified opens the area', async () => {
  for (const [terminal, reason] of [
    [testTerminal(), 'terminal-refused'],
    [
      testTerminal({ role: 'loading-operator', authority: testTerminalAuthority(20) }),
      'terminal-refused',
    ],
    [
      testTerminal({
        role: 'loading-operator',
        authority: { ...testTerminalAuthority(20), id: '9000009' },
      }),
      'organisation-unknown',
    ],
    [testTerminal({ role: 'loading-operator', key: 20 }), 'terminal-refused'],
    [
      testTerminal({ role: 'loading-operator', days: ['20261110', '20261116'] }),
      'terminal-expired',
    ],
  ] as const)
    assert.equal(said(await open(powered().card, terminal)), reason)
})

test('without a channel the card loads, deletes and lists nothing', async () => {
  const { card } = powered()
  const plan = hex(composePlan(kiosk, keyFor(kiosk)))
  const install = `E60000${(plan.length / 2).toString(16).padStart(2, '0')}${plan}`
  for (const given of [`00${install}`, `80${install}`, `84${install}`, '84F2000000', '80F2000000'])
    assert.match(hex(await card.transmit(Buffer.from(given, 'hex'))), /^(6D00|6882)$/)
})

test('a card that is not genuine learns nothing: without the chip key it does not understand', async () => {
  const { chip } = full
  assert.ok(chip)
  const copy = powered({
    ...full,
    chip: { ...chip, privateKey: Buffer.from(testKey(30).pkcs8).toString('base64') },
  })
  const session = valueOf(await open(copy.card))
  assert.equal(said(await loadApplication(session, kiosk, keyFor(kiosk))), 'channel-broken')
  const other = { id: testChipAnchor.id, key: importPublicKey(poolKey(14).spki) }
  assert.equal(
    said(
      await openLoading(powered().card, loader, {
        chipAnchors: [other],
        seed: new Uint8Array(32),
        today,
      }),
    ),
    'record-altered',
  )
})

test('a command in the channel that was altered, repeated, left out or moved ends the channel', async () => {
  const bend: readonly ((sent: readonly Uint8Array[], now: Uint8Array) => Uint8Array)[] = [
    // One bit of the ciphertext, of the header.
    (_, now) => now.map((byte, at) => (at === now.length - 5 ? byte ^ 1 : byte)),
    (_, now) => now.map((byte, at) => (at === 2 ? byte ^ 1 : byte)),
    // An earlier command once more.
    (sent, now) => sent.at(-1) ?? now,
  ]
  for (const change of bend) {
    const { card } = powered()
    const sent: Uint8Array[] = []
    let isOn = false
    const between: Card = {
      transmit(command) {
        const copy = Uint8Array.from(command)
        const given = isOn ? change(sent, copy) : copy
        if (copy[0] === 0x84) sent.push(copy)
        return card.transmit(given)
      },
    }
    const session = valueOf(await open(between))
    valueOf(await listApplications(session))
    isOn = true
    assert.equal(said(await loadApplication(session, library, keyFor(library))), 'channel-broken')
    isOn = false
    assert.equal(said(await listApplications(session)), 'channel-broken')
    assert.equal(valueOf(await readFreeRoom(card)).applications, 0)
  }
})

test('an answer that was altered is not believed', async () => {
  const { card } = powered()
  let isOn = false
  const between: Card = {
    async transmit(command) {
      const answer = await card.transmit(command)
      return isOn ? answer.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) : answer
    },
  }
  const session = valueOf(await open(between))
  isOn = true
  assert.equal(said(await listApplications(session)), 'channel-broken')
})

test('a proof for loading is bound to the session key: another in its place is refused', async () => {
  const { card } = powered()
  const between: Card = {
    transmit(command) {
      const copy = Uint8Array.from(command)
      if (copy[0] === 0x80 && copy[1] === 0xae) copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1
      return card.transmit(copy)
    },
  }
  assert.equal(said(await open(between)), 'terminal-refused')
})

test('type A: the owner writes after the mutual proof; reading needs the proof and the PIN; all of it stays', async () => {
  const { card, kept } = await loaded(kiosk)
  const bare: OwnerSession = { card, channel: undefined }
  valueOf(await selectLoaded(card, kiosk.aid))
  assert.equal(said(await writeLoadedRecord(bare, 1, 1, bytes('id-1'))), 'pin-required')
  const owner = valueOf(await prove(card, kiosk))
  valueOf(await writeLoadedRecord(owner, 1, 1, bytes('id-1')))
  valueOf(await writeLoadedRecord(owner, 1, 4, bytes('x'.repeat(32))))
  assert.equal(said(await readLoadedRecord(owner, 1, 1)), 'pin-required')
  assert.equal(said(await verifyLoadedPin(owner, pinOf('1234'))), 'pin-locked')
  valueOf(await setLoadedPin(owner, pinOf('1234')))
  valueOf(await verifyLoadedPin(owner, pinOf('1234')))
  assert.equal(hex(valueOf(await readLoadedRecord(owner, 1, 1))), hex(bytes('id-1')))
  assert.equal(said(await readLoadedRecord(owner, 1, 2)), 'file-absent')
  assert.equal(said(await writeLoadedRecord(owner, 1, 5, bytes('x'))), 'file-absent')
  assert.equal(said(await writeLoadedRecord(owner, 1, 2, bytes('x'.repeat(33)))), 'command-refused')
  assert.equal(said(await writeLoadedRecord(owner, 2, 1, bytes('x'))), 'file-absent')
  const again = powered(kept()).card
  const later = valueOf(await prove(again, kiosk))
  valueOf(await verifyLoadedPin(later, pinOf('1234')))
  assert.equal(hex(valueOf(await readLoadedRecord(later, 1, 4))), hex(bytes('x'.repeat(32))))
  // With the PIN alone, without the proof.
  valueOf(await selectLoaded(again, kiosk.aid))
  const plain: OwnerSession = { card: again, channel: undefined }
  valueOf(await verifyLoadedPin(plain, pinOf('1234')))
  assert.equal(said(await readLoadedRecord(plain, 1, 4)), 'pin-required')
})

test('three wrong PINs lock; only the owner gives tries back, and a PIN of another form is refused', async () => {
  const { card, kept } = await loaded(kiosk)
  const owner = valueOf(await prove(card, kiosk))
  valueOf(await setLoadedPin(owner, pinOf('1234')))
  for (const reason of ['pin-wrong', 'pin-wrong', 'pin-locked', 'pin-locked'])
    assert.equal(said(await verifyLoadedPin(owner, pinOf('0000'))), reason)
  const again = powered(kept()).card
  const later = valueOf(await prove(again, kiosk))
  assert.equal(said(await verifyLoadedPin(later, pinOf('1234'))), 'pin-locked')
  valueOf(await setLoadedPin(later, pinOf('4321')))
  valueOf(await verifyLoadedPin(later, pinOf('4321')))
  const answer = await again.transmit(Buffer.from('002C029F053132333435', 'hex'))
  assert.equal(hex(answer), '6A80')
})

test('type C: anybody reads the identifier, only the owner writes it', async () => {
  const { card } = await loaded(library)
  assert.equal(said(await readCommonId(card, library.aid, 1)), 'file-absent')
  const bare: OwnerSession = { card, channel: undefined }
  assert.equal(said(await writeLoadedRecord(bare, 1, 1, bytes('forged'))), 'pin-required')
  valueOf(await writeLoadedRecord(valueOf(await prove(card, library)), 1, 1, bytes('L-000123')))
  assert.equal(hex(valueOf(await readCommonId(card, library.aid, 1))), hex(bytes('L-000123')))
})

test('type D: nothing but through the channel, and the PIN besides; a file is written whole and grows', async () => {
  const { card, kept } = await loaded(shelter)
  const owner = valueOf(await prove(card, shelter))
  valueOf(await setLoadedPin(owner, pinOf('1234')))
  const content = new Uint8Array(randomBytes(600))
  valueOf(await writeLoadedFile(owner, 1, content))
  assert.equal(said(await writeLoadedFile(owner, 1, new Uint8Array(601))), 'area-full')
  assert.equal(said(await readLoadedFile(owner, 1)), 'pin-required')
  valueOf(await verifyLoadedPin(owner, pinOf('1234')))
  assert.equal(hex(valueOf(await readLoadedFile(owner, 1))), hex(content))
  // The same commands in the clear.
  const bare: OwnerSession = { card, channel: undefined }
  assert.equal(said(await readLoadedFile(bare, 1)), 'pin-required')
  assert.equal(said(await writeLoadedFile(bare, 1, bytes('x'))), 'pin-required')
  assert.equal(said(await setLoadedPin(bare, pinOf('0000'))), 'pin-required')
  const again = powered(kept()).card
  const later = valueOf(await prove(again, shelter))
  valueOf(await verifyLoadedPin(later, pinOf('1234')))
  assert.equal(hex(valueOf(await readLoadedFile(later, 1))), hex(content))
})

test('what goes over the line of type D shows nothing of the content or the PIN', async () => {
  const { card } = await loaded(shelter)
  const line: Uint8Array[] = []
  const tapped: Card = {
    async transmit(command) {
      line.push(Uint8Array.from(command))
      const answer = await card.transmit(command)
      line.push(answer)
      return answer
    },
  }
  const owner = valueOf(await prove(tapped, shelter))
  valueOf(await setLoadedPin(owner, pinOf('7391')))
  valueOf(await verifyLoadedPin(owner, pinOf('7391')))
  valueOf(await writeLoadedFile(owner, 1, bytes('persons with needs: 花子')))
  valueOf(await readLoadedFile(owner, 1))
  const whole = Buffer.concat(line)
  assert.ok(!whole.includes('7391') && !whole.includes('花子'))
})

test('a terminal with another key is refused, a card without the key is found out, a proof serves once', async () => {
  const { card } = await loaded(kiosk)
  assert.equal(said(await prove(card, kiosk, new Uint8Array(32))), 'owner-refused')
  // A card that says yes to everything.
  const yes: Card = {
    async transmit(command) {
      if (command[1] !== 0x82) return card.transmit(command)
      return new Uint8Array([...randomBytes(32), 0x90, 0x00])
    },
  }
  assert.equal(said(await prove(yes, kiosk)), 'card-cloned')
  const sent: Uint8Array[] = []
  const tapped: Card = {
    transmit(command) {
      sent.push(Uint8Array.from(command))
      return card.transmit(command)
    },
  }
  valueOf(await prove(tapped, kiosk))
  const proof = sent.at(-1) ?? new Uint8Array(0)
  assert.equal(hex(await card.transmit(proof)), '6985')
  await card.transmit(Buffer.from('0084000020', 'hex'))
  assert.equal(hex(await card.transmit(proof)), '6300')
})

test('the key of one application opens no other', async () => {
  const { card } = await loaded(kiosk, library)
  assert.equal(said(await prove(card, kiosk, keyFor(library))), 'owner-refused')
})

test('a plan that its type does not allow is not made, nor taken by a card', async () => {
  const { card } = powered()
  const session = valueOf(await open(card))
  const wrong: readonly FreePlan[] = [
    { ...library, hasPin: true },
    { ...library, files: [{ id: 1, bytes: 65, count: 1 }] },
    { ...library, files: [] },
    { ...kiosk, files: [{ id: 31, bytes: 1, count: 1 }] },
    { ...kiosk, files: [...kiosk.files, ...kiosk.files] },
    { ...kiosk, files: [{ id: 1, bytes: 1, count: 33 }] },
    { ...shelter, files: [{ id: 1, bytes: 4097, count: 1 }] },
    { ...shelter, files: [{ id: 1, bytes: 8, count: 2 }] },
    { ...kiosk, aid: 'F0534553' },
    { ...kiosk, aid: 'f05345534b01' },
  ]
  for (const plan of wrong)
    await assert.rejects(loadApplication(session, plan, keyFor(kiosk)), RangeError)
  // The same, past our own check.
  const fine = composePlan(library, keyFor(library))
  const bentPin = fine.map((byte, at) =>
    at > 2 && fine[at - 2] === 0x82 && fine[at - 1] === 1 ? 1 : byte,
  )
  assert.notDeepEqual(bentPin, fine)
  const raw = { cla: 0, ins: 0xe6, p1: 0, p2: 0, le: undefined }
  for (const data of [bentPin, fine.subarray(1), new Uint8Array(0), fromHex('4F00')])
    assert.equal(
      said(await throughChannel(session.card, session.channel, { ...raw, data })),
      'command-refused',
    )
  assert.deepEqual(valueOf(await listApplications(session)), [])
})

test('a card file with a free area that cannot be is not read', async () => {
  const { kept } = await loaded(kiosk)
  const state = kept()
  const { free } = state
  const one = free?.applications[0]
  assert.ok(free && one)
  for (const wrong of [
    { ...free, capacity: roomOf(kiosk) - 1 },
    { ...free, capacity: -1 },
    { ...free, applications: [one, one] },
    { ...free, applications: [{ ...one, type: 'B' }] },
    { ...free, applications: [{ ...one, ownerKey: 'AAAA' }] },
    { ...free, applications: [{ ...one, pin: { secret: '12345', triesLeft: 3 } }] },
    { ...free, applications: [{ ...one, files: [{ ...one.files[0], contents: [] }] }] },
    null,
  ])
    assert.throws(
      () => parseCardState(JSON.parse(JSON.stringify({ ...state, free: wrong }))),
      RangeError,
    )
})

test('a card that leaves at any moment holds an application whole or not at all', async context => {
  const seed = randomInt(2 ** 32)
  context.diagnostic(`seed ${seed}`)
  const random = randomFrom(seed)
  for (let round = 0; round < 40; round++) {
    const { card, kept } = powered()
    let left = random(24)
    const leaving: Card = {
      transmit(command) {
        if (left-- <= 0) return Promise.reject(new CardGone())
        return card.transmit(command)
      },
    }
    const session = await open(leaving)
    if (session.kind === 'done')
      for (const plan of [kiosk, library]) await loadApplication(session.value, plan, keyFor(plan))
    const again = valueOf(await open(powered(kept()).card))
    for (const one of valueOf(await listApplications(again)))
      assert.equal(one.room, roomOf(one.aid === kiosk.aid ? kiosk : library))
  }
})

test('a card of before has no free area', async () => {
  const { card } = powered(testCard(testKey(1)))
  assert.equal(said(await readFreeRoom(card)), 'application-absent')
  assert.equal(said(await open(card)), 'application-absent')
})
