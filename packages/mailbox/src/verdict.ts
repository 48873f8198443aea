/**
 * Signatures on documents (C11, flows.md §17): judged when the document comes and again whenever somebody asks, by the platform's judge of files. What
 * is kept with the message says whose the signatures are as far as a recipient may know: of companies and offices the company, title, unit, power
 * and name that the certificate states; of citizens only that it is one.
 */
import { type HolderFacts, type MailDocument, Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'

/** A signature on a document, as its recipient may see it. */
export type SignatureSeen = {
  readonly verdict: 'passed' | 'failed' | 'indeterminate'
  readonly reasons: readonly { readonly code: string; readonly ja: string; readonly en: string }[]
  readonly provenAt?: string
  readonly isCitizen: boolean
  readonly holder?: HolderFacts
}

/** What was found on a document. */
export type DocumentVerdict = {
  readonly verdict: 'passed' | 'failed' | 'indeterminate'
  readonly judgedAt: number
  readonly signatures: readonly SignatureSeen[]
}

/** Kinds of signers that are tried, most telling first. */
const otherKinds = ['mandate', 'representative', 'official', 'person', 'doctor'] as const

/** Larger ones are judged over the interface for files, when somebody wants it. */
const judgedBytesMax = 32 * 1024 * 1024

/** The kind of container that a document is, by its type; undefined: none that carries signatures. */
function kindOf(mediaType: string): 'pdf' | 'cms' | 'xml' | 'asice' | 'jws' | undefined {
  switch (mediaType) {
    case 'application/pdf':
      return 'pdf'
    case 'application/pkcs7-mime':
      return 'cms'
    case 'application/xml':
    case 'text/xml':
      return 'xml'
    case 'application/vnd.etsi.asic-e+zip':
      return 'asice'
    case 'application/jose':
    case 'application/jose+json':
      return 'jws'
    default:
      return undefined
  }
}

/**
 * Judges a document; undefined when it carries no signature that this platform reads. Nothing is thrown for what a document holds. `waits`: the
 * lists by which signers are judged cannot be had now.
 */
export async function judgeDocument(
  world: World,
  document: Pick<MailDocument, 'mediaType' | 'length'>,
  read: () => Promise<Uint8Array>,
): Promise<DocumentVerdict | undefined | 'waits'> {
  const kind = kindOf(document.mediaType)
  if (kind === undefined || document.length > judgedBytesMax) return undefined
  const bytes = await read()
  const ask = (signers: 'citizen' | (typeof otherKinds)[number]) =>
    world.fileJudge.report({
      kind,
      file: { kind: 'bytes', bytes },
      content: undefined,
      files: [],
      query: undefined,
      purpose: 'signature',
      length: bytes.length,
      signers,
      revocation: 'crl',
    })
  try {
    const first = await ask('citizen')
    if (first.report.signatures.length === 0) return undefined
    if (first.report.verdict !== 'passed' && first.checked.length === 0)
      for (const signers of otherKinds) {
        const other = await askOther(ask, signers)
        if (other?.report.verdict === 'passed') return seen(other, false)
      }
    return seen(first, first.checked.length > 0)
  } catch (error) {
    if (error instanceof Refusal && waitsFor.has(error.code)) return 'waits'
    throw error
  }
}

type Judgement = Awaited<ReturnType<World['fileJudge']['report']>>

/** Undefined where the platform recognises no such signers. */
async function askOther<Signers>(
  ask: (signers: Signers) => Promise<Judgement>,
  signers: Signers,
): Promise<Judgement | undefined> {
  try {
    return await ask(signers)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'request-malformed') return undefined
    throw error
  }
}

function seen({ report, at, holders }: Judgement, isCitizen: boolean): DocumentVerdict {
  return {
    verdict: report.verdict,
    judgedAt: at,
    signatures: report.signatures.map((each, index) => ({
      verdict: each.verdict,
      reasons: each.reasons.map(({ code, ja, en }) => ({ code, ja, en })),
      ...(each.provenAt === undefined ? {} : { provenAt: each.provenAt }),
      isCitizen,
      ...(holders[index] === undefined ? {} : { holder: holders[index] }),
    })),
  }
}

const waitsFor: ReadonlySet<string> = new Set(['authority-unreachable', 'register-unreachable'])
