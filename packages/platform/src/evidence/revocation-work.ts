/**
 * The heavy part of revocation keeping: verifies lists one by one and builds a snapshot of them. The same work is done in the
 * thread of the server when it is little, and in a thread of its own when it is much; this file is that thread's module.
 */
import {
  bytesEqual,
  type Certificate,
  KeyCache,
  MalformedError,
  parseCertificate,
  parseCrl,
  RevocationBuilder,
  RevocationIndex,
  type VerifiedCrl,
  verifyCrl,
} from '@sekisho/pki'
import { serveThread, startThread } from '@sekisho/runtime/thread'
import { sha256Hex } from './hash.ts'
import {
  openSnapshotPlace,
  type RevocationFolder,
  type SnapshotPlace,
  writeSnapshotFiles,
} from './revocation-file.ts'

/** A list as it came, and what it must be. */
export type ListToCheck = {
  readonly der: Uint8Array
  /** DER of the CA certificates whose key may have signed it. */
  readonly issuers: readonly Uint8Array[]
  /** DER of the directory name that the list must be of. */
  readonly distributionPoint: Uint8Array
  /** What its publisher announced; undefined: it was kept by us. */
  readonly announced:
    | { readonly bytes: number; readonly sha256: string; readonly number: number }
    | undefined
}

/** What a list was found to be. */
export type CheckedList =
  | {
      readonly kind: 'taken' | 'outdated'
      readonly number: number
      readonly thisUpdate: number
      readonly nextUpdate: number
      /** Number of the list that it is a delta to. */
      readonly deltaBase: number | undefined
    }
  | {
      readonly kind: 'refused'
      readonly code: 'revocation-untrusted' | 'revocation-wrong-partition'
    }

/** One building of a snapshot. */
export type RevocationWork = AsyncDisposable & {
  /** Verifies a list and takes it in. What is refused changes nothing. */
  check(list: ListToCheck): Promise<CheckedList>
  /** Builds the snapshot, and keeps it in a folder if there is one. */
  build(folder: RevocationFolder | undefined): Promise<SnapshotPlace>
}

/** Begins with the lists of `base` in force; undefined: with none. */
export async function beginRevocationWork(
  base: SnapshotPlace | undefined,
  where: 'here' | 'thread',
): Promise<RevocationWork> {
  if (where === 'here') {
    const site = new BuildingSite(base)
    return {
      check: async list => site.check(list),
      build: folder => site.build(folder),
      [Symbol.asyncDispose]: async () => {},
    }
  }
  const thread = startThread<Asked, unknown>(new URL(import.meta.url))
  // The answers are those of `answer` below, question by question.
  const work: RevocationWork = {
    check: async list => (await thread.ask({ kind: 'check', list })) as CheckedList,
    build: async folder => (await thread.ask({ kind: 'build', folder })) as SnapshotPlace,
    [Symbol.asyncDispose]: () => thread.stop(),
  }
  await thread.ask({ kind: 'begin', base })
  return work
}

type Asked =
  | { readonly kind: 'begin'; readonly base: SnapshotPlace | undefined }
  | { readonly kind: 'check'; readonly list: ListToCheck }
  | { readonly kind: 'build'; readonly folder: RevocationFolder | undefined }

class BuildingSite {
  readonly #builder: RevocationBuilder
  readonly #keys = new KeyCache(issuersMax)

  constructor(base: SnapshotPlace | undefined) {
    const index = base === undefined ? RevocationIndex.empty : openSnapshotPlace(base)
    this.#builder = new RevocationBuilder(index.snapshot)
  }

  check({ der, issuers, distributionPoint, announced }: ListToCheck): CheckedList {
    const crl = this.#verify(der, issuers.map(parseCertificate))
    if (crl === undefined) return { kind: 'refused', code: 'revocation-untrusted' }
    const { list } = crl
    const names = list.scope.partition ?? []
    const isOwn = names.some(
      name => name.kind === 'directory' && bytesEqual(name.name.raw, distributionPoint),
    )
    // RFC 5280 §6.3.3 (b)(2): an authentic list of another distribution point says nothing here.
    if (!isOwn) return { kind: 'refused', code: 'revocation-wrong-partition' }
    const isAnnounced =
      announced === undefined ||
      (der.length === announced.bytes &&
        sha256Hex(der) === announced.sha256 &&
        list.number === announced.number)
    const outcome = isAnnounced ? this.#builder.add(crl) : undefined
    if (outcome !== 'taken' && outcome !== 'outdated') {
      return { kind: 'refused', code: 'revocation-untrusted' }
    }
    const { number, thisUpdate, nextUpdate, deltaBase } = list
    return { kind: outcome, number, thisUpdate, nextUpdate, deltaBase }
  }

  async build(folder: RevocationFolder | undefined): Promise<SnapshotPlace> {
    const bytes = this.#builder.build()
    if (folder !== undefined) return writeSnapshotFiles(folder, bytes)
    return { hot: bytes.hot, cold: { bytes: bytes.cold } }
  }

  #verify(der: Uint8Array, issuers: readonly Certificate[]): VerifiedCrl | undefined {
    try {
      const verdict = verifyCrl(parseCrl(der), issuers, this.#keys)
      return verdict.kind === 'passed' ? verdict.value : undefined
    } catch (error) {
      if (error instanceof MalformedError) return undefined
      throw error
    }
  }
}

/** CAs in force: two kinds in a few generations. */
const issuersMax = 16

let site: BuildingSite | undefined
serveThread(import.meta.url, async (asked: Asked): Promise<unknown> => {
  if (asked.kind === 'begin') {
    site = new BuildingSite(asked.base)
    return undefined
  }
  if (site === undefined) throw new Error('nothing was begun')
  return asked.kind === 'check' ? site.check(asked.list) : site.build(asked.folder)
})
