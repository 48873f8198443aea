/**
 * A witness (C2SP tlog-witness): somebody else than the operator, who remembers the largest checkpoint of a log and cosigns only what
 * continues it. It holds no entries and learns none.
 */
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { ownerOnlyFolder, readJsonFile, writeJsonFile } from '@sekisho/runtime/files'
import type { KeyPair } from '@sekisho/runtime/keys'
import { cosign, formatWitnessKey } from './cosignature.ts'
import { type Checkpoint, type LogKey, verifyCheckpoint, verifyConsistency } from './judgement.ts'
import { isName, splitNote } from './note.ts'

/** An answer of the witness, as HTTP has it. */
export type WitnessAnswer = {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly contentType: string
  readonly body: string
}

/** A witness of some logs. */
export type Witness = {
  /** By which its cosignatures are verified. */
  readonly verifierKey: string
  /** Answers the body of a request `add-checkpoint`. Requests about one log are dealt with one after the other. */
  addCheckpoint(body: string): Promise<WitnessAnswer>
}

/** Most octets of a request: 63 hashes and a checkpoint. */
export const requestBytesMax = 16 * 1024

/**
 * Makes a witness. `folder` (0700) holds the last checkpoint of each log, of which no two processes may be in charge; who loses it must
 * begin again under another name, or it may cosign what contradicts what it cosigned before.
 */
export function createWitness(given: {
  readonly name: string
  /** An Ed25519 key, used for nothing else. */
  readonly key: KeyPair
  readonly logs: readonly LogKey[]
  readonly folder: string
  /** Whole seconds since 1970. */
  readonly now: () => number
}): Witness {
  const { name, key } = given
  if (!isName(name)) throw new Error(`${name} cannot name a witness`)
  const turns = new Map<string, Promise<unknown>>()
  return {
    verifierKey: formatWitnessKey({ name, publicKey: key.publicKey }),
    async addCheckpoint(body) {
      const request = readRequest(body)
      if (request === undefined) return refused(400, 'the request is malformed')
      const logs = given.logs.filter(log => log.origin === request.origin)
      if (logs.length === 0) return refused(404, 'no such log is witnessed here')
      const turn = (turns.get(request.origin) ?? Promise.resolve()).then(() =>
        judge(given, logs, request),
      )
      turns.set(
        request.origin,
        turn.catch(() => undefined),
      )
      return turn
    },
  }
}

async function judge(
  given: Parameters<typeof createWitness>[0],
  logs: readonly LogKey[],
  request: AddRequest,
): Promise<WitnessAnswer> {
  const verdicts = logs.map(log => verifyCheckpoint(request.note, log))
  const signed = verdicts.find(one => one.kind === 'passed')?.value
  if (signed === undefined) {
    const isMalformed = verdicts.some(
      one => one.kind === 'failed' && one.reason.code === 'checkpoint-malformed',
    )
    return isMalformed
      ? refused(400, 'the checkpoint is malformed')
      : refused(403, 'no signature of the log holds')
  }
  if (request.oldSize > signed.size) return refused(400, 'the old size is beyond the checkpoint')
  const path = join(given.folder, `${hexDigest(request.origin)}.json`)
  const last = await lastOf(path, logs)
  if (request.oldSize !== (last?.size ?? 0)) return conflict(last)
  if (last !== undefined && last.size === signed.size && !same(last.root, signed.root))
    return conflict(last)
  const holds =
    last === undefined
      ? request.proof.length === 0
      : verifyConsistency(last, signed, request.proof).kind === 'passed'
  if (!holds) return refused(422, 'the checkpoint does not continue the last one')
  await ownerOnlyFolder(given.folder)
  await writeJsonFile(path, { origin: request.origin, checkpoint: request.note })
  const line = cosign(request.text, { name: given.name, key: given.key, seconds: given.now() })
  return { status: 200, contentType: plain, body: line }
}

/** The last checkpoint that was cosigned. A file that is not what this witness wrote is a fault: it must not cosign then. */
async function lastOf(path: string, logs: readonly LogKey[]): Promise<Checkpoint | undefined> {
  const note = await readJsonFile(path, parsed => {
    const found: unknown =
      typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'checkpoint') : undefined
    if (typeof found !== 'string') throw new Error('not a record of a checkpoint')
    return found
  })
  if (note === undefined) return undefined
  for (const log of logs) {
    const verdict = verifyCheckpoint(note, log)
    if (verdict.kind === 'passed') return verdict.value
  }
  throw new Error('the last checkpoint is not signed by a key of its log')
}

type AddRequest = {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  readonly note: string
  /** What the log signed. */
  readonly text: string
  readonly origin: string
}

/** Old size, hashes, an empty line, a checkpoint. */
function readRequest(body: string): AddRequest | undefined {
  const cut = body.indexOf('\n\n')
  if (cut < 0 || Buffer.byteLength(body) > requestBytesMax) return undefined
  const [first = '', ...hashes] = body.slice(0, cut).split('\n')
  const size = /^old (0|[1-9]\d{0,15})$/.exec(first)?.[1]
  const oldSize = Number(size)
  if (size === undefined || !Number.isSafeInteger(oldSize) || hashes.length > hashesMax)
    return undefined
  const proof = hashes.map(text => Uint8Array.from(Buffer.from(text, 'base64')))
  const isExact = proof.every((hash, at) => hash.length === 32 && base64(hash) === hashes[at])
  const note = body.slice(cut + 2)
  const text = splitNote(note)?.text
  const origin = text?.split('\n')[0]
  if (!isExact || text === undefined || origin === undefined) return undefined
  return { oldSize, proof, note, text, origin }
}

function refused(status: 400 | 403 | 404 | 422, why: string): WitnessAnswer {
  return { status, contentType: plain, body: `${why}\n` }
}

function conflict(last: Checkpoint | undefined): WitnessAnswer {
  return { status: 409, contentType: sizeType, body: `${last?.size ?? 0}\n` }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function hexDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

const plain = 'text/plain; charset=utf-8'
/** Of the answer that tells the size which the witness knows. */
export const sizeType = 'text/x.tlog.size'
/** A proof between two trees of any size is no longer. */
const hashesMax = 63
