/** ASiC-E containers as files (ETSI EN 319 162-1 §4.4): what lies in them, and which of it are signatures. */
import { readZip, type ZipEntry } from '../archive/zip.ts'
import type { CmsContent } from '../cms-signer.ts'
import { MalformedError } from '../der.ts'
import { reason, type Reason } from '../reason.ts'

/** Media type of ASiC-E. */
export const asicMimeType = 'application/vnd.etsi.asic-e+zip'
/** Most signature files: as many as signatures elsewhere. */
const signatureFilesMax = 32

/** A container. */
export interface AsicContainer {
  readonly entries: readonly ZipEntry[]
  /** Files that somebody may want to have signed: all but `mimetype` and what is in META-INF. */
  readonly dataFiles: readonly ZipEntry[]
  readonly xadesFiles: readonly ZipEntry[]
  readonly cadesFiles: readonly ZipEntry[]
  readonly timeStampFiles: readonly ZipEntry[]
  readonly manifests: readonly ZipEntry[]
  /** Other files in META-INF, which no rule here is about. */
  readonly others: readonly ZipEntry[]
}

/** Reads a container. Gives the reason where it is none. */
export function readContainer(bytes: Uint8Array): AsicContainer | Reason {
  let entries: readonly ZipEntry[]
  try {
    entries = readZip(bytes)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return reason('asic-malformed', { detail: error.message })
  }
  const [first] = entries
  // §A.1: first, as it is, without extra fields, so that the type stands at a fixed place of the file.
  const isTyped = first?.name === 'mimetype' && first.method === 'stored' && !first.hasExtra
  if (!isTyped) return reason('asic-malformed', { detail: 'mimetype' })
  const type = new TextDecoder('latin1').decode(first.bytes.subarray(0, 100))
  if (type !== asicMimeType) return reason('asic-kind-unsupported', { type: type.slice(0, 60) })
  return sort(entries)
}

function sort(entries: readonly ZipEntry[]): AsicContainer | Reason {
  const inside = entries.filter(each => each.name.startsWith(metaFolder))
  const rest = (each: ZipEntry): string => each.name.slice(metaFolder.length)
  // §4.4.3.2, §4.4.4.2: names by what they hold.
  const xadesFiles = inside.filter(each => /signatures[^/]*\.xml$/.test(rest(each)))
  const cadesFiles = inside.filter(each => /signature[^/]*\.p7s$/.test(rest(each)))
  const timeStampFiles = inside.filter(each => /timestamp[^/]*\.tst$/.test(rest(each)))
  const manifests = inside.filter(each => /^ASiCManifest[^/]*\.xml$/.test(rest(each)))
  const known = new Set([...xadesFiles, ...cadesFiles, ...timeStampFiles, ...manifests])
  if (xadesFiles.length + cadesFiles.length + timeStampFiles.length > signatureFilesMax) {
    return reason('asic-malformed', { detail: 'too many signatures' })
  }
  return {
    entries,
    dataFiles: entries.filter(
      each => each.name !== 'mimetype' && !each.name.startsWith(metaFolder),
    ),
    xadesFiles,
    cadesFiles,
    timeStampFiles,
    manifests,
    others: inside.filter(each => !known.has(each)),
  }
}

/**
 * The files by the URIs that may name them (RFC 3986 §4.2, relative to the root of the container): percent-encoded as different
 * writers do it, and as it is where that reads as the same name. A URI that could name two files names none.
 */
export function filesByUri(entries: readonly ZipEntry[]): ReadonlyMap<string, ZipEntry> {
  const files = new Map<string, ZipEntry | undefined>()
  for (const entry of entries) {
    for (const uri of urisOf(entry.name)) {
      files.set(uri, files.has(uri) && files.get(uri) !== entry ? undefined : entry)
    }
  }
  const certain = new Map<string, ZipEntry>()
  for (const [uri, entry] of files) if (entry !== undefined) certain.set(uri, entry)
  return certain
}

/** The URI that we write for a name. */
export function uriOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

/** The files as references need them. */
export function contentsByUri(entries: readonly ZipEntry[]): ReadonlyMap<string, CmsContent> {
  return new Map(
    Array.from(filesByUri(entries), ([uri, { bytes }]) => [uri, { kind: 'bytes', bytes } as const]),
  )
}

function urisOf(name: string): readonly string[] {
  const plain = /[%?#]/.test(name) ? [] : [name]
  return [...new Set([...plain, encodeURI(name).replace(/[?#]/g, encodeURIComponent), uriOf(name)])]
}

const metaFolder = 'META-INF/'
