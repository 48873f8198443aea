/**
 * Makes ASiC-E containers (ETSI EN 319 162-1 §4.4) in two steps, so that a card can sign in between: files, and a XAdES or CAdES
 * signature over all of them. A container that is there already gets one signature more.
 */
import { type ZipFile, writeZip } from '../archive/zip-writer.ts'
import type { SignatureAlgorithm } from '../algorithm.ts'
import { hashOf } from '../algorithm.ts'
import { type AsicContainer, asicMimeType, readContainer, uriOf } from '../asice/container.ts'
import { encodeBase64 } from '../base64.ts'
import type { Certificate } from '../certificate.ts'
import { digest } from '../crypto.ts'
import type { Instant } from '../reason.ts'
import { asic } from '../xml/asic-manifest.ts'
import { digestIdentifier } from '../xml/identifier.ts'
import { dsig } from '../xml/namespace.ts'
import { prepareCades } from './cades.ts'
import { prepareXades } from './xades.ts'
import { xmlElement } from './xml-text.ts'

/** A file to be signed. */
export interface AsicFile {
  /** Its path in the container. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly mimeType: string
}

/** What a signature is to be. */
export interface AsicRequest {
  readonly content:
    | { readonly kind: 'new'; readonly files: readonly AsicFile[] }
    /** All data files are signed as they are. */
    | { readonly kind: 'existing'; readonly container: Uint8Array }
  readonly format: 'xades' | 'cades'
  readonly certificate: Certificate
  /** Certificates to put in besides: those of authorities. */
  readonly certificates: readonly Certificate[]
  readonly algorithm: SignatureAlgorithm
  /** The time that the signer claims (required by the baseline). */
  readonly signingTime: Instant
}

/** A container that lacks only the signature. */
export interface PreparedAsic {
  /** The signature's file in the finished container. */
  readonly signatureFile: string
  /** The canonical SignedInfo, or the SET OF signed attributes: sign this, hashing included. */
  readonly toBeSigned: Uint8Array
  /** Hash of `toBeSigned`, for a card that is given a DigestInfo (`encodeDigestInfo`). */
  readonly digest: Uint8Array
  /** The finished container; ECDSA signatures are given as DER. Throws `RangeError` when the signature is not one of the certificate's key. */
  finish(signature: Uint8Array): Uint8Array
}

/**
 * Prepares a signature over all data files. Throws `RangeError` for a container that is none, for no file, and for names that a
 * container cannot have.
 */
export function prepareAsic(request: AsicRequest): PreparedAsic {
  const { files, data } = filesOf(request)
  const number = nextNumber(files)
  return request.format === 'xades'
    ? prepareWithXades(request, files, data, number)
    : prepareWithCades(request, files, data, number)
}

/**
 * The same container with one file changed, such as a signature file that gets its time-stamp (`addXmlSignatureTimeStamp`,
 * `addSignatureTimeStamp`). Throws `RangeError` for a container that is none or a file that is not in META-INF, and what
 * `change` throws.
 */
export function changeAsicFile(
  container: Uint8Array,
  name: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const { entries } = opened(container)
  if (!name.startsWith('META-INF/') || !entries.some(each => each.name === name)) {
    throw new RangeError(`no signature file ${name}`)
  }
  return checked(
    entries.map(each => ({
      name: each.name,
      bytes: each.name === name ? change(each.bytes) : each.bytes,
      isStored: each.method === 'stored',
    })),
  )
}

function prepareWithXades(
  request: AsicRequest,
  files: readonly ZipFile[],
  data: readonly AsicFile[],
  number: string,
): PreparedAsic {
  const prepared = prepareXades({
    ...request,
    content: {
      kind: 'detached',
      files: data.map(({ name, bytes, mimeType }) => ({
        uri: uriOf(name),
        content: { kind: 'bytes', bytes },
        mimeType,
      })),
    },
    // What stands around the signature must not count: a root is put around it.
    canonicalForm: 'exclusive',
  })
  const signatureFile = `META-INF/signatures${number}.xml`
  const write = (signature: Uint8Array): Uint8Array => {
    const text = new TextDecoder().decode(signature)
    const bytes = utf8.encode(xmlElement('asic:XAdESSignatures', { 'xmlns:asic': asic }, text))
    return checked([...files, { name: signatureFile, bytes, isStored: false }])
  }
  // Names and sizes are refused before the card is asked.
  write(prepared.document)
  const { toBeSigned } = prepared
  return {
    signatureFile,
    toBeSigned,
    digest: prepared.digest,
    finish: signature => write(prepared.finish(signature)),
  }
}

function prepareWithCades(
  request: AsicRequest,
  files: readonly ZipFile[],
  data: readonly AsicFile[],
  number: string,
): PreparedAsic {
  const signatureFile = `META-INF/signature${number}.p7s`
  const manifest = utf8.encode(manifestText(signatureFile, data, request.algorithm))
  const prepared = prepareCades({ ...request, content: { kind: 'detached', bytes: manifest } })
  const write = (bytes: Uint8Array): Uint8Array =>
    checked([
      ...files,
      { name: `META-INF/ASiCManifest${number}.xml`, bytes: manifest, isStored: false },
      { name: signatureFile, bytes, isStored: false },
    ])
  write(new Uint8Array())
  const { toBeSigned } = prepared
  return {
    signatureFile,
    toBeSigned,
    digest: prepared.digest,
    finish: signature => write(prepared.finish(signature)),
  }
}

// §A.4.
function manifestText(
  signatureFile: string,
  data: readonly AsicFile[],
  algorithm: SignatureAlgorithm,
): string {
  const hash = hashOf(algorithm)
  const references = data.map(({ name, bytes, mimeType }) =>
    xmlElement(
      'asic:DataObjectReference',
      { URI: uriOf(name), MimeType: mimeType },
      xmlElement('ds:DigestMethod', { Algorithm: digestIdentifier(hash) }),
      xmlElement('ds:DigestValue', {}, encodeBase64(digest(hash, bytes), 'xml')),
    ),
  )
  return xmlElement(
    'asic:ASiCManifest',
    { 'xmlns:asic': asic, 'xmlns:ds': dsig },
    xmlElement('asic:SigReference', {
      URI: signatureFile,
      MimeType: 'application/x-pkcs7-signature',
    }),
    ...references,
  )
}

function filesOf(request: AsicRequest): {
  readonly files: readonly ZipFile[]
  readonly data: readonly AsicFile[]
} {
  const { content } = request
  if (content.kind === 'new') {
    if (content.files.length === 0) throw new RangeError('no file')
    const odd = content.files.find(
      ({ name }) => name === 'mimetype' || name.toLowerCase().startsWith('meta-inf/'),
    )
    if (odd !== undefined) throw new RangeError(`${odd.name} is no name of a data file`)
    const mimetype = { name: 'mimetype', bytes: utf8.encode(asicMimeType), isStored: true }
    const files = content.files.map(({ name, bytes }) => ({ name, bytes, isStored: false }))
    return { files: [mimetype, ...files], data: content.files }
  }
  const { entries, dataFiles } = opened(content.container)
  if (dataFiles.length === 0) throw new RangeError('no file')
  const files = entries.map(each => ({
    name: each.name,
    bytes: each.bytes,
    isStored: each.method === 'stored',
  }))
  const data = dataFiles.map(({ name, bytes }) => ({ name, bytes, mimeType: unknownType }))
  return { files, data }
}

// Three digits, after all that are there.
function nextNumber(files: readonly ZipFile[]): string {
  const numbers = files.map(({ name }) => {
    const match = /^META-INF\/(?:signatures?|ASiCManifest)(\d{1,3})\./.exec(name)
    return Number(match?.[1] ?? 0)
  })
  return String(Math.max(...numbers) + 1).padStart(3, '0')
}

function opened(bytes: Uint8Array): AsicContainer {
  const container = readContainer(bytes)
  if ('code' in container) throw new RangeError(`no container: ${container.code}`)
  return container
}

// What is written here is read again, so that no container leaves that our own rules refuse.
function checked(files: readonly ZipFile[]): Uint8Array {
  const bytes = writeZip(files)
  const container = readContainer(bytes)
  if ('code' in container) {
    throw new RangeError(`not a container: ${JSON.stringify(container.evidence)}`)
  }
  return bytes
}

const utf8 = new TextEncoder()
/** Of files whose type nobody has told. */
const unknownType = 'application/octet-stream'
