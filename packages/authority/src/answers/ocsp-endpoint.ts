/**
 * OCSP over HTTP (RFC 6960 appendix A), by POST and by GET. It stands before the framework: nine in ten answers are kept ones, and what a
 * framework does for a request costs more than finding them. Plain POST requests take a short way before Node's own server too.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '@sekisho/contract'
import type { CaKind } from '@sekisho/contract/authority'
import { type RawHandler, type Server, writeRefusal } from '@sekisho/runtime/http'
import type { Log } from '@sekisho/runtime/log'
import { messages } from '../message.ts'
import { answerOcsp, keptOcspAnswer } from '../revocation/ocsp.ts'
import type { World } from '../world.ts'

const requestBytesMax = 16 * 1024
const questionType = 'application/ocsp-request'
const answerType = 'application/ocsp-response'

/** Answers for both CAs, under `/ocsp/<ca>`. */
export function addOcspEndpoints(
  server: Pick<Server, 'mount' | 'shortcut'>,
  world: World & { readonly log: Log },
): void {
  for (const ca of ['signature', 'authentication'] as const) {
    const path = `/ocsp/${ca}`
    server.mount(path, ocspEndpoint(world, ca), { isForMachines: true })
    server.shortcut({
      path,
      questionType,
      answerType,
      questionBytesMax: requestBytesMax,
      answer: der => keptOcspAnswer(world, ca, der) ?? answerOcsp(world, ca, der),
    })
  }
}

/** Answers for one CA. A GET has the request, base64 and URL-encoded, behind the path. */
function ocspEndpoint(world: World & { readonly log: Log }, ca: CaKind): RawHandler {
  const answer = async (response: ServerResponse, der: Uint8Array): Promise<void> => {
    try {
      const body = await answerOcsp(world, ca, der)
      response.writeHead(200, {
        'content-type': answerType,
        'content-length': body.length,
      })
      response.end(body)
    } catch (fault) {
      world.log.write(messages['authority.background-fault'], { fault })
      writeRefusal(response, new Refusal('internal-fault'))
    }
  }
  return (request, response) => {
    if (request.method === 'POST') {
      if (request.url !== '/') writeRefusal(response, new Refusal('not-found'))
      else if (request.headers['content-type'] !== questionType)
        writeRefusal(response, new Refusal('request-malformed', { fields: 'content-type' }))
      else readBody(request, response, body => void answer(response, body))
      return
    }
    const der = request.method === 'GET' ? requestIn(request.url ?? '') : undefined
    if (der === undefined) writeRefusal(response, new Refusal('not-found'))
    else void answer(response, der)
  }
}

function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  done: (body: Uint8Array) => void,
): void {
  const pieces: Buffer[] = []
  let length = 0
  request.on('data', (piece: Buffer) => {
    length += piece.length
    if (length <= requestBytesMax) pieces.push(piece)
  })
  request.on('end', () => {
    const [first] = pieces
    if (length > requestBytesMax) writeRefusal(response, new Refusal('request-too-large'))
    else done(pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces))
  })
}

function requestIn(url: string): Uint8Array | undefined {
  const text = url.slice(1)
  if (text === '' || text.length > requestBytesMax) return undefined
  try {
    return Buffer.from(decodeURIComponent(text), 'base64')
  } catch {
    return undefined
  }
}
