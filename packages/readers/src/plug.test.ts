import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { createVirtualCard } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { freePort } from '@sekisho/runtime/net'
import { adultCard } from './citizens-for-tests.ts'
import { plugCard } from './plug.ts'

/** A virtual reader that speaks in single bytes, as slowly as one can. */
async function startReader(): Promise<{
  port: number
  ask(message: string): Promise<string>
  tell(message: string): Promise<void>
  close(): void
}> {
  const heard: Buffer[] = []
  let socket: Socket | undefined
  let wake = (): void => undefined
  const server: Server = createServer(connection => {
    socket = connection
    connection.on('error', () => undefined)
    connection.on('data', piece => {
      heard.push(piece)
      wake()
    })
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const send = async (message: string): Promise<void> => {
    const bytes = Buffer.from(message, 'hex')
    const frame = Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes])
    for (const byte of frame) {
      socket?.write(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    tell: send,
    async ask(message) {
      heard.length = 0
      await send(message)
      for (;;) {
        const all = Buffer.concat(heard)
        if (all.length >= 2 && all.length === 2 + all.readUInt16BE(0)) {
          return all.subarray(2).toString('hex').toUpperCase()
        }
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    close() {
      socket?.destroy()
      server.close()
    },
  }
}

const selectJpki = '00A4040C0AD392F000260100000001'

test('a plugged card answers ATR and commands, and loses its verified state with power', async () => {
  const reader = await startReader()
  const plug = await plugCard(createVirtualCard(adultCard(), { onChange: () => undefined }), {
    port: reader.port,
  })
  assert.equal(await reader.ask('04'), '3BE000FF8131FE4514')
  await reader.tell('01')
  assert.equal(await reader.ask(selectJpki), '9000')
  assert.equal(await reader.ask('002000980431323334'), '9000')
  assert.match(await reader.ask('802A0097013000'), /9000$/)
  await reader.tell('02')
  assert.equal(await reader.ask(selectJpki), '9000')
  assert.equal(await reader.ask('802A0097013000'), '6982')
  await reader.tell('00')
  await reader.tell('07')
  assert.equal(await reader.ask('00B0000004'), '6986')
  await plug.unplug()
  assert.equal(await plug.ended, 'unplugged')
  reader.close()
})

test('a reader that goes away is told, and no reader is a refusal', async () => {
  const reader = await startReader()
  const card = createVirtualCard(adultCard(), { onChange: () => undefined })
  const plug = await plugCard(card, { port: reader.port })
  await reader.ask('04')
  reader.close()
  assert.equal(await plug.ended, 'reader-gone')
  await plug.unplug()
  const port = await freePort()
  await assert.rejects(
    plugCard(card, { port }),
    (fault: unknown) => fault instanceof Refusal && fault.code === 'reader-absent',
  )
})
