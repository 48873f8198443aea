/** What a page asks, read once from whatever it sent; only a request that can be shown and answered gets through. */
import {
  documentBytesMax,
  messageCharactersMax,
  type ReaderRequest,
  type RefusedAnswer,
  readerRequest,
  type SignRequest,
} from '@sekisho/contract/reader'
import { refusedAnswer } from './card-refusal.ts'

/** A document as a person sees it. PDF is left to the browser's own viewer. */
export type ShownDocument =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pdf' }

/** A request that was read, with its document's bytes if it has one. */
export type Asked =
  | {
      readonly kind: 'authenticate'
      readonly request: Extract<ReaderRequest, { type: 'authenticate' }>
    }
  | {
      readonly kind: 'sign'
      readonly request: SignRequest
      readonly document: Uint8Array
      readonly shown: ShownDocument
    }

/** `unreadable`: it has no id that an answer could repeat. */
export type Reading =
  | { readonly kind: 'asked'; readonly asked: Asked }
  | { readonly kind: 'refused'; readonly answer: RefusedAnswer }
  | { readonly kind: 'unreadable' }

/** Reads a request from the text of a message. */
export function readAskedText(text: string): Reading {
  if (text.length > messageCharactersMax) return { kind: 'unreadable' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unreadable' }
  }
  return readAsked(value)
}

/** Reads a request from a parsed message. */
export function readAsked(value: unknown): Reading {
  const parsed = readerRequest.safeParse(value)
  if (!parsed.success) {
    const id = idOf(value)
    if (id === undefined) return { kind: 'unreadable' }
    const code = isTooLarge(value) ? 'request-too-large' : 'request-malformed'
    return { kind: 'refused', answer: refusedAnswer(id, code) }
  }
  const request = parsed.data
  if (request.type === 'authenticate')
    return { kind: 'asked', asked: { kind: 'authenticate', request } }
  const document = Uint8Array.from(Buffer.from(request.document, 'base64'))
  if (document.length > documentBytesMax) {
    return { kind: 'refused', answer: refusedAnswer(request.id, 'request-too-large') }
  }
  const shown = showDocument(request.mediaType, document)
  // What a page shows must be what the file will hold.
  const isPdfFile = request.container?.format === 'pades'
  if (shown === undefined || (isPdfFile && shown.kind !== 'pdf')) {
    return { kind: 'refused', answer: refusedAnswer(request.id, 'request-malformed') }
  }
  return { kind: 'asked', asked: { kind: 'sign', request, document, shown } }
}

/**
 * How a document is shown; `undefined` when it cannot be: text that is not UTF-8 or holds control or
 * direction-changing characters (what is seen would not be what is signed), JSON that does not parse, a PDF without its
 * mark. What a PDF's pages show is the viewer's affair; active content in it is not looked for.
 */
export function showDocument(
  mediaType: SignRequest['mediaType'],
  document: Uint8Array,
): ShownDocument | undefined {
  if (mediaType === 'application/pdf') {
    const mark = String.fromCharCode(...document.subarray(0, 5))
    return mark === '%PDF-' ? { kind: 'pdf' } : undefined
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document)
    if (deceptive.test(text)) return undefined
    if (mediaType === 'application/json') JSON.parse(text)
    return { kind: 'text', text }
  } catch (fault) {
    if (fault instanceof TypeError || fault instanceof SyntaxError) return undefined
    throw fault
  }
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  const { id } = value
  return typeof id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : undefined
}

function isTooLarge(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('document' in value)) return false
  const { document } = value
  return typeof document === 'string' && document.length > Math.ceil(documentBytesMax / 3) * 4
}

/** Controls but tab and line ends, direction marks and overrides, zero-width and byte-order marks. */
const deceptive =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u
