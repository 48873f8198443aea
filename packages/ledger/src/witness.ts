/** A witness as a program: one address, `POST /add-checkpoint` (C2SP tlog-witness). */
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { lockFolder, ownerOnlyFolder } from '@sekisho/runtime/files'
import { createServer, type RawHandler, writeRefusal } from '@sekisho/runtime/http'
import { loadOrCreateKey } from '@sekisho/runtime/keys'
import { defineMessages, type Log } from '@sekisho/runtime/log'
import { createWitness, requestBytesMax, type Witness } from './cosigner.ts'
import { type LogKey, parseLogKey } from './judgement.ts'

/** What a witness needs to run. */
export type WitnessSettings = {
  /** Its name, an address without the scheme. */
  readonly name: string
  /** Verifier keys of the logs. */
  readonly logs: readonly string[]
  /** Folder (0700) for its key and what it remembers. */
  readonly folder: string
  readonly port: number
  /** Scheme, host and port under which logs reach it. */
  readonly publicOrigin: string
  readonly log: Log
}

/** A running witness. */
export type RunningWitness = {
  readonly url: string
  readonly verifierKey: string
  stop(): Promise<void>
}

/** Starts a witness. Refusals `data-folder-in-use`, `port-in-use`, `configuration-unsafe` for a key that is none. */
export async function startWitness(settings: WitnessSettings): Promise<RunningWitness> {
  const { folder, log, name } = settings
  const logs = settings.logs.map(readLogKey)
  await ownerOnlyFolder(folder)
  const lock = await lockFolder(folder)
  try {
    const witness = createWitness({
      name,
      key: await loadOrCreateKey(join(folder, 'keys'), 'witness', 'ed25519'),
      logs,
      folder: join(folder, 'checkpoints'),
      now: () => Math.floor(protocolNow() / 1000),
    })
    const { publicOrigin } = settings
    const server = await createServer({ name: 'witness', log, publicOrigin })
    server.mount('/add-checkpoint', answerTo(witness, log), { isForMachines: true })
    await server.listen(settings.port)
    return {
      url: publicOrigin,
      verifierKey: witness.verifierKey,
      stop: async () => {
        await server.stop()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function readLogKey(text: string): LogKey {
  try {
    return parseLogKey(text)
  } catch {
    throw new Refusal('configuration-unsafe', { setting: 'log' })
  }
}

function answerTo(witness: Witness, log: Log): RawHandler {
  return (request, response) => {
    if (request.method !== 'POST' || request.url !== '/') {
      writeRefusal(response, new Refusal('not-found'))
      return
    }
    const pieces: Buffer[] = []
    let length = 0
    request.on('data', (piece: Buffer) => {
      length += piece.length
      if (length <= requestBytesMax) pieces.push(piece)
    })
    request.on('end', () => {
      if (length > requestBytesMax) {
        writeRefusal(response, new Refusal('request-too-large'))
        return
      }
      witness.addCheckpoint(Buffer.concat(pieces).toString('utf8')).then(
        ({ status, contentType, body }) => {
          response.writeHead(status, { 'content-type': contentType })
          response.end(body)
        },
        (fault: unknown) => {
          log.write(messages['ledger.witness-fault'], { fault })
          writeRefusal(response, new Refusal('internal-fault'))
        },
      )
    })
  }
}

const messages = defineMessages({
  'ledger.witness-fault': {
    level: 'error',
    text: 'a checkpoint could not be judged or remembered',
    fields: { fault: 'fault' },
  },
})
