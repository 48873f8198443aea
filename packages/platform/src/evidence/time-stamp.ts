/** Which time-stamps the platform believes: roots given by configuration, and the roots' lists, kept while they are fresh. */
import {
  type Certificate,
  encodeTimeStampRequest,
  generalPolicy,
  judgeTimeStamp,
  type KeyCache,
  MalformedError,
  parseCrl,
  parseTimeStampResponse,
  type RevocationList,
  type TimeStampTrust,
} from '@sekisho/pki'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import { type Fetch, NetworkFault } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'

/** A time-stamp authority (RFC 3161) and how its certificate is shown not revoked. */
export type TimeStampSettings = {
  /** Where it stamps (RFC 3161 §3.4). */
  readonly url: string
  /** Where its root publishes its list. */
  readonly listUrl: string
  /** Roots; part of what decides trust. */
  readonly anchors: readonly Certificate[]
}

/** What the platform believes of time-stamps now. */
export type StampTrust = {
  /** Never fails: without a fresh list no time-stamp proves anything, and the next call looks again. */
  now(): Promise<TimeStampTrust>
  /** The same for a thread, in DER. */
  material(): Promise<{
    readonly anchors: readonly Uint8Array[]
    readonly lists: readonly Uint8Array[]
  }>
  /** A token over a SHA-256, judged; undefined: the authority cannot be reached, or what it answers proves nothing. */
  obtain(imprint: Uint8Array): Promise<Stamp | undefined>
}

/** A token found good. */
export type Stamp = {
  readonly token: Uint8Array
  readonly provenAt: Instant
  /** The authority's certificate. */
  readonly certificate: Certificate
}

/** Bytes of a nonce. */
const nonceBytes = 16

/** Makes the trust; undefined: no authority is believed. */
export function createStampTrust(
  settings: TimeStampSettings | undefined,
  world: {
    readonly fetch: Fetch
    readonly clock: Clock
    readonly random: Random
    readonly keys: KeyCache
  },
): StampTrust {
  let list: RevocationList | undefined
  const isFresh = (): boolean =>
    list !== undefined &&
    world.clock.now() < list.nextUpdate &&
    world.clock.now() >= list.thisUpdate
  const believed = async () => {
    if (settings === undefined) return { anchors: [], lists: [] }
    if (!isFresh()) list = (await fetchList(settings.listUrl, world.fetch)) ?? list
    return { anchors: settings.anchors, lists: list === undefined ? [] : [list] }
  }
  const now = async (): Promise<TimeStampTrust> => believing(await believed())
  return {
    now,
    material: async () => {
      const { anchors, lists } = await believed()
      return { anchors: anchors.map(each => each.raw), lists: lists.map(each => each.raw) }
    },
    obtain: async imprint => {
      if (settings === undefined) return undefined
      const nonce = world.random.bytes(nonceBytes)
      const token = await fetchToken(settings.url, { hash: 'sha256', value: imprint, nonce }, world)
      if (token === undefined) return undefined
      const judged = judgeTimeStamp({
        token,
        stamped: { kind: 'hashes', hashes: { sha256: imprint } },
        nonce,
        at: world.clock.now(),
        trust: await now(),
        keys: world.keys,
      })
      if (judged.kind !== 'passed') return undefined
      const { provenAt, certificate } = judged.value
      return { token, provenAt, certificate }
    },
  }
}

async function fetchToken(
  url: string,
  asked: { readonly hash: 'sha256'; readonly value: Uint8Array; readonly nonce: Uint8Array },
  { fetch }: { readonly fetch: Fetch },
): Promise<Uint8Array | undefined> {
  return quietly(async () => {
    const query = encodeTimeStampRequest({ ...asked, policy: undefined })
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query' },
      body: new Uint8Array(query),
    })
    if (response.status !== 200) return undefined
    const read = parseTimeStampResponse(new Uint8Array(await response.arrayBuffer()))
    return read.kind === 'granted' ? read.token : undefined
  })
}

function believing({
  anchors,
  lists,
}: {
  readonly anchors: readonly Certificate[]
  readonly lists: readonly RevocationList[]
}): TimeStampTrust {
  return {
    anchors,
    intermediates: [],
    revocation: { kind: 'collected', lists, responses: [], limits: generalPolicy.ocsp },
    policy: generalPolicy,
  }
}

// Whether the list is what it should be is judged where it is used.
async function fetchList(url: string, fetch: Fetch): Promise<RevocationList | undefined> {
  return quietly(async () => {
    const response = await fetch(url)
    return response.status === 200
      ? parseCrl(new Uint8Array(await response.arrayBuffer()))
      : undefined
  })
}

// Whoever cannot be reached or answers nonsense gives nothing; what was not expected is thrown on.
async function quietly<T>(work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const isExpected =
      error instanceof MalformedError || error instanceof NetworkFault || error instanceof TypeError
    if (isExpected) return undefined
    throw error
  }
}
