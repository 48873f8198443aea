import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import {
  authenticatePinless,
  loadApplication,
  openLoading,
  type Outcome,
  parsePin,
  proveOwner,
  readFront,
  readFreeRoom,
  readLoadedFile,
  selectFace,
  setLoadedPin,
  verifyLoadedPin,
  verifyPin,
  writeLoadedFile,
} from '@sekisho/card'
import { createVirtualCard } from '@sekisho/card/virtual'
import { sleep } from '@sekisho/runtime/clock'
import { terminalCitizen, wholeCard } from '../citizens-for-tests.ts'
import { ownPcscd } from '../pcscd-for-tests.ts'
import { plugCard } from '../plug.ts'
import { openPcsc } from './pcsc.ts'

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

const today = '20261120'

test('over PC/SC, with commands of extended length: an answer without PIN, the face, and a loaded application', async () => {
  const pcscd = await ownPcscd()
  await pcscd.start()
  const pcsc = await openPcsc()
  const { trust, chip, terminal, anchors } = terminalCitizen()
  const card = createVirtualCard(
    { ...wholeCard(), trust, chip, free: { capacity: 4096, applications: [] } },
    { onChange: () => undefined, random: size => new Uint8Array(randomBytes(size)) },
  )
  const plug = await plugCard(card, { port: pcscd.port })
  try {
    for (let round = 0; round < 200; round++) {
      if (await pcsc.withCard(async () => true).catch(() => false)) break
      await sleep(50)
    }
    await pcsc.withCard(async real => {
      const challenge = new Uint8Array(randomBytes(32))
      const pinless = terminal('pinless-organisation')
      const answer = valueOf(await authenticatePinless(real, pinless, { challenge, today }))
      assert.equal(answer.terminal, '9200073-GATE1')

      valueOf(await selectFace(real))
      valueOf(await verifyPin(real, valueOf(parsePin('face-code-b', '60040120311234'))))
      assert.equal(valueOf(await readFront(real, anchors.records)).photo.length, 4000)

      const session = valueOf(
        await openLoading(real, terminal('loading-operator'), {
          chipAnchors: anchors.chips,
          seed: new Uint8Array(randomBytes(32)),
          today,
        }),
      )
      const files = [{ id: 1, bytes: 900, count: 1 }]
      const plan = { aid: 'F05345534B03', type: 'D', hasPin: true, files } as const
      const key = new Uint8Array(randomBytes(32))
      valueOf(await loadApplication(session, plan, key))
      const owner = valueOf(
        await proveOwner(real, {
          aid: plan.aid,
          key: { hmac: message => createHmac('sha256', key).update(message).digest() },
          random: new Uint8Array(randomBytes(16)),
          encrypted: true,
        }),
      )
      const pin = valueOf(parsePin('free-pin', '8642'))
      const content = new Uint8Array(randomBytes(900))
      valueOf(await setLoadedPin(owner, pin))
      valueOf(await verifyLoadedPin(owner, pin))
      valueOf(await writeLoadedFile(owner, 1, content))
      assert.deepEqual(valueOf(await readLoadedFile(owner, 1)), content)
      assert.equal(valueOf(await readFreeRoom(real)).applications, 1)
    })
  } finally {
    await plug.unplug()
    pcsc.stop()
    await pcscd.halt()
  }
})
