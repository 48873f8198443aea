/** Which time-stamps the platform believes: roots given by configuration, and the roots' lists, kept while they are fresh. */
import {
  type Certificate,
  generalPolicy,
  MalformedError,
  parseCrl,
  type RevocationList,
  type TimeStampTrust,
} from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import { type Fetch, NetworkFault } from '@sekisho/runtime/net'

/** A time-stamp authority (RFC 3161) and how its certificate is shown not revoked. */
export type TimeStampSettings = {
  /** Where its root publishes its list. */
  readonly listUrl: string
  /** Roots; part of what decides trust. */
  readonly anchors: readonly Certificate[]
}

/** What the platform believes of time-stamps now. */
export type StampTrust = {
  /** Never fails: without a fresh list no time-stamp proves anything, and the next call looks again. */
  now(): Promise<TimeStampTrust>
}

/** Makes the trust; undefined: no authority is believed. */
export function createStampTrust(
  settings: TimeStampSettings | undefined,
  world: { readonly fetch: Fetch; readonly clock: Clock },
): StampTrust {
  let list: RevocationList | undefined
  const isFresh = (): boolean =>
    list !== undefined &&
    world.clock.now() < list.nextUpdate &&
    world.clock.now() >= list.thisUpdate
  return {
    now: async () => {
      if (settings === undefined) return believing([], [])
      if (!isFresh()) list = (await fetchList(settings.listUrl, world.fetch)) ?? list
      return believing(settings.anchors, list === undefined ? [] : [list])
    },
  }
}

function believing(
  anchors: readonly Certificate[],
  lists: readonly RevocationList[],
): TimeStampTrust {
  return {
    anchors,
    intermediates: [],
    revocation: { kind: 'collected', lists, responses: [], limits: generalPolicy.ocsp },
    policy: generalPolicy,
  }
}

// Whether the list is what it should be is judged where it is used.
async function fetchList(url: string, fetch: Fetch): Promise<RevocationList | undefined> {
  try {
    const response = await fetch(url)
    if (response.status !== 200) return undefined
    return parseCrl(new Uint8Array(await response.arrayBuffer()))
  } catch (error) {
    const isExpected =
      error instanceof MalformedError || error instanceof NetworkFault || error instanceof TypeError
    if (isExpected) return undefined
    throw error
  }
}
