import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualCard } from '@sekisho/card/virtual'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { sleep } from '@sekisho/runtime/clock'
import { adultCard, testPin } from '../citizens-for-tests.ts'
import { ownPcscd } from '../pcscd-for-tests.ts'
import { plugCard } from '../plug.ts'
import { type SuitePerson, testProtocol } from '../protocol-suite-for-tests.ts'
import { openPcsc, type PcscCards } from './pcsc.ts'
import { askAgent, startTestAgent } from './suite-for-tests.ts'

const pageOrigin = 'https://platform.example'
const challenge = Buffer.alloc(32, 2).toString('base64url')
const login: ReaderRequest = { v: 1, type: 'authenticate', id: 'l1', purpose: 'login', challenge }

/** The client library looks for its service once a process, so all tests of this file share one. */
const service = ownPcscd()

/** The service looks at its virtual reader this often; a card changed in between would look like the same one, dead. */
const pollMs = 400

/** Waits until the service has noticed what was done to its reader. */
async function noticed(pcsc: PcscCards, isPresent: boolean): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const found = await pcsc.withCard(async () => true).catch(() => false)
    if (found === isPresent) return
    await sleep(50)
  }
  throw new Error('the PC/SC service does not notice the card')
}

testProtocol('the agent over PC/SC', async () => {
  const pcscd = await service
  const pcsc = await openPcsc()
  let person: SuitePerson = 'cancels'
  const agent = await startTestAgent(pcsc, () => person)
  return {
    name: 'agent over PC/SC',
    origin: pageOrigin,
    async ask(given) {
      person = given.person
      let state = given.card
      if (state === undefined) {
        await noticed(pcsc, false)
        return { answer: await askAgent(agent.url, pageOrigin, given.request), card: state }
      }
      const onChange = (changed: typeof state): void => {
        state = changed
      }
      const plug = await plugCard(createVirtualCard(state, { onChange }), { port: pcscd.port })
      try {
        await noticed(pcsc, true)
        return { answer: await askAgent(agent.url, pageOrigin, given.request), card: state }
      } finally {
        await plug.unplug()
        await sleep(pollMs * 2)
      }
    },
    async close() {
      await agent.stop()
      pcsc.stop()
    },
  }
})

test('a card taken away while the person types is absent, and the agent goes on', async () => {
  const pcscd = await service
  const pcsc = await openPcsc()
  const plug = await plugCard(createVirtualCard(adultCard(), { onChange: () => undefined }), {
    port: pcscd.port,
  })
  const agent = await startTestAgent(pcsc, () => ({ types: testPin }), {
    async enterPin() {
      await plug.unplug()
      await noticed(pcsc, false)
      return { typed: new TextEncoder().encode(testPin), isLastConfirmed: false }
    },
  })
  try {
    await noticed(pcsc, true)
    const absent = { v: 1, type: 'refused', id: 'l1', code: 'card-absent' }
    assert.deepEqual(await askAgent(agent.url, pageOrigin, login), absent)
    assert.deepEqual(await askAgent(agent.url, pageOrigin, login), absent)
  } finally {
    await agent.stop()
    pcsc.stop()
  }
})

test('when the service has gone there is no reader, and when it is back there is one', async () => {
  const pcscd = await service
  const pcsc = await openPcsc()
  const agent = await startTestAgent(pcsc, () => ({ types: testPin }))
  const answered = async (wanted: string): Promise<unknown> => {
    let answer: unknown
    for (let round = 0; round < 100; round++) {
      answer = await askAgent(agent.url, pageOrigin, login)
      if (JSON.stringify(answer).includes(wanted)) break
      await sleep(50)
    }
    return answer
  }
  try {
    await pcscd.halt()
    const absent = { v: 1, type: 'refused', id: 'l1', code: 'reader-absent' }
    assert.deepEqual(await answered('reader-absent'), absent)
    assert.deepEqual(await askAgent(agent.url, pageOrigin, login), absent)
    await pcscd.start()
    const plug = await plugCard(createVirtualCard(adultCard(), { onChange: () => undefined }), {
      port: pcscd.port,
    })
    assert.match(JSON.stringify(await answered('authenticated')), /"authenticated"/)
    await plug.unplug()
  } finally {
    await agent.stop()
    pcsc.stop()
    await pcscd.halt()
  }
})
