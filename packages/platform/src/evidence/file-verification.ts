/**
 * Signed files judged for the doors: containers whose signers are citizens, over the platform's anchors, lists and clock. The
 * provider's way of asking about revocation holds for every signer. The judging is done in threads, so that no file keeps the
 * server from answering; large ones have a thread of their own, so that they do not keep small ones waiting.
 */
import { availableParallelism } from 'node:os'
import { type HolderFacts, Refusal } from '@sekisho/contract'
import type { CertificateReference } from '@sekisho/contract/authority'
import {
  bytesEqual,
  encodeOcspRequest,
  MalformedError,
  parseOcspResponse,
  type SignedFileDescription,
} from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { startThreadPool } from '@sekisho/runtime/thread'
import type { AuthorityConnector } from './connector.ts'
import type { CitizenSigner, FileFindings, FileQuestion } from './file-judgement.ts'
import type { HolderKind, Recognised } from './recognised.ts'
import type { RevocationKeeper } from './revocation.ts'
import type { StampTrust } from './time-stamp.ts'
import type { Trust } from './trust.ts'

type World = {
  readonly trust: Trust
  readonly keeper: Pick<RevocationKeeper, 'place'>
  readonly connector: AuthorityConnector
  readonly clock: Clock
  readonly random: Random
  readonly stamps: StampTrust
  readonly recognised: Recognised
}

/** What is to be judged. */
export type FileToJudge = Pick<
  FileQuestion,
  'kind' | 'file' | 'content' | 'files' | 'query' | 'purpose'
> & {
  /** Of file and content together, in bytes. */
  readonly length: number
  /** As whom all signers are to be recognised. */
  readonly signers: 'citizen' | HolderKind
  /** How revocation of citizens is looked up (per provider, C2). */
  readonly revocation: 'crl' | 'ocsp'
}

/** A judgement, and the citizens' certificates whose validity was looked up. */
export type FileJudgement = {
  readonly report: SignedFileDescription
  readonly at: number
  readonly fileSha256: string
  readonly checked: readonly (CertificateReference & { readonly certificateSha256: string })[]
  /** By signature, of those that passed and are no citizens'. */
  readonly holders: readonly (HolderFacts | undefined)[]
}

export type FileJudge = {
  /**
   * Refusals: `request-too-large` for a kind that is not read in pieces; `authority-unreachable` where the authority's OCSP
   * cannot be asked; `request-malformed` for signers whom the platform does not recognise.
   */
  report(given: FileToJudge): Promise<FileJudgement>
  /** Ends the threads. */
  stop(): Promise<void>
}

/** Bytes of an OCSP nonce (RFC 9654 §2.1 asks for 32). */
const nonceBytes = 32

/** Larger ones wait for each other and for nobody else. */
const smallBytesMax = 4 * 1024 * 1024
/** Largest file of a kind that is held whole while it is judged. */
const heldBytesMax = 64 * 1024 * 1024
/** A thread that needs more ends, and the platform goes on. */
const heapMiBMax = 512
/** One of the processor's cores is the server's own. */
const threads = Math.max(1, availableParallelism() - 1)

/** Makes the judge of files. */
export function createFileJudge(world: World): FileJudge {
  const module = new URL('./file-judgement.ts', import.meta.url)
  const start = (count: number) =>
    startThreadPool<FileQuestion, FileFindings>(module, { threads: count, heapMiBMax })
  const small = start(threads)
  const large = start(1)
  return {
    report: async given => {
      const isInPieces = given.kind === 'pdf' || given.kind === 'cms'
      if (!isInPieces && given.length > heldBytesMax) throw new Refusal('request-too-large')
      const { revocation, length, signers, ...file } = given
      const at = world.clock.now()
      const trust = await trustOf(world)
      const recognised = await recognisedOf(world, signers)
      const ask = (question: FileQuestion['revocation']): Promise<FileFindings> =>
        (length > smallBytesMax ? large : small).ask({
          ...file,
          at,
          trust,
          recognised,
          revocation: question,
        })
      if (recognised !== undefined) return judged(at, await ask({ kind: 'unchecked' }))
      if (revocation === 'crl') {
        return judged(at, await ask({ kind: 'lists', ...world.keeper.place() }))
      }
      // What is found without asking about revocation tells whom to ask about; nobody makes us ask about strangers.
      const { citizens } = await ask({ kind: 'unchecked' })
      const responses = await askEach(world, given.purpose, citizens)
      return judged(at, await ask({ kind: 'answers', responses }))
    },
    stop: async () => {
      await Promise.all([small.stop(), large.stop()])
    },
  }
}

function judged(at: number, findings: FileFindings): FileJudgement {
  const { report, fileSha256, citizens, holders } = findings
  const checked = citizens.map(({ issuerKeyId, serial, certificateSha256 }) => ({
    issuerKeyId,
    serial,
    certificateSha256,
  }))
  return { report, at, fileSha256, checked, holders }
}

async function recognisedOf(
  { recognised }: World,
  signers: FileToJudge['signers'],
): Promise<FileQuestion['recognised']> {
  if (signers === 'citizen') return undefined
  const material = await recognised.material(signers)
  if (material === undefined) throw new Refusal('request-malformed', { fields: 'signers' })
  return material
}

async function trustOf({ trust, stamps }: World): Promise<FileQuestion['trust']> {
  const stamped = await stamps.material()
  return {
    mode: trust.mode,
    profile: trust.profile,
    anchors: trust.anchors.map(each => each.raw),
    stampAnchors: stamped.anchors,
    stampLists: stamped.lists,
  }
}

// An answer that does not bring our nonce back may be an old one: it does not count.
async function askEach(
  { connector, random }: World,
  purpose: FileToJudge['purpose'],
  citizens: readonly CitizenSigner[],
): Promise<readonly Uint8Array[]> {
  const responses: Uint8Array[] = []
  for (const { certId } of citizens) {
    const nonce = random.bytes(nonceBytes)
    const response = await connector.ocsp(purpose, encodeOcspRequest([certId], nonce))
    if (bringsBack(response, nonce)) responses.push(response)
  }
  return responses
}

function bringsBack(response: Uint8Array, nonce: Uint8Array): boolean {
  try {
    const parsed = parseOcspResponse(response)
    return parsed.kind === 'basic' && bytesEqual(parsed.nonce ?? new Uint8Array(), nonce)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}
