/**
 * PKIs beside JPKI whose holders the platform recognises (A13): one root given by configuration, and what is reached from it over a bridge. The
 * policies that are demanded say as whom somebody is recognised; cross-certificates and lists are fetched, and prove nothing by themselves.
 */
import { type HolderFacts, Refusal } from '@sekisho/contract'
import { crossCertificateList } from '@sekisho/contract/authority'
import {
  type Certificate,
  isPoolKey,
  MalformedError,
  parseCertificate,
  parseCrl,
} from '@sekisho/pki'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import { type Fetch, NetworkFault } from '@sekisho/runtime/net'

/** Whom a signature may be of besides citizens. */
export type HolderKind = HolderFacts['kind']

/** What is recognised, and where the rest is found. */
export type RecognisedSettings = {
  /** The one root that is trusted. */
  readonly anchor: Certificate
  /** Where the certificates of CAs for each other are (docs/protocol/other-cas.md). */
  readonly crossUrl: string
  /** Where the CAs' lists are. */
  readonly listUrls: readonly string[]
  /** Object identifier of the root's policy for a kind; a kind without one is not recognised. */
  readonly policies: Readonly<Partial<Record<HolderKind, string>>>
}

/** What a judgement needs, in DER. */
export type RecognisedMaterial = {
  readonly kind: HolderKind
  readonly anchor: Uint8Array
  readonly cross: readonly Uint8Array[]
  readonly lists: readonly Uint8Array[]
  readonly policy: string
}

/** The platform's knowledge of other PKIs. */
export type Recognised = {
  /**
   * For one kind of holder; undefined: it is not recognised. Never fails otherwise: what cannot be fetched is missing, and then nothing that needs it
   * is relied on.
   */
  material(kind: HolderKind): Promise<RecognisedMaterial | undefined>
}

/** Makes it; undefined: no other PKI is recognised. Refusal `configuration-unsafe` for a TEST ONLY key in production. */
export function createRecognised(
  settings: RecognisedSettings | undefined,
  world: {
    readonly mode: 'town' | 'production'
    readonly fetch: Fetch
    /** Milliseconds after which is looked anew. */
    readonly revocationRefreshMs: number
  },
): Recognised {
  if (settings === undefined) return { material: () => Promise.resolve(undefined) }
  const { anchor, policies } = settings
  if (world.mode === 'production' && isPoolKey(anchor.spki)) {
    throw new Refusal('configuration-unsafe', { setting: 'recognised.anchor', why: 'town-anchor' })
  }
  let fetched: { readonly at: Instant; readonly found: ReturnType<typeof fetchAll> } | undefined
  const found = (): ReturnType<typeof fetchAll> => {
    const at = protocolNow()
    if (fetched === undefined || at - fetched.at >= world.revocationRefreshMs) {
      fetched = { at, found: fetchAll(settings, world.fetch) }
    }
    return fetched.found
  }
  return {
    material: async kind => {
      const policy = policies[kind]
      return policy === undefined
        ? undefined
        : { kind, policy, anchor: anchor.raw, ...(await found()) }
    },
  }
}

async function fetchAll(
  settings: RecognisedSettings,
  fetch: Fetch,
): Promise<{ readonly cross: readonly Uint8Array[]; readonly lists: readonly Uint8Array[] }> {
  const [cross, ...lists] = await Promise.all([
    fetchCross(settings.crossUrl, fetch),
    ...settings.listUrls.map(url => fetchList(url, fetch)),
  ])
  return { cross, lists: lists.flat() }
}

async function fetchCross(url: string, fetch: Fetch): Promise<readonly Uint8Array[]> {
  const found = await quietly(async () => {
    const response = await fetch(url)
    if (response.status !== 200) return undefined
    const parsed = crossCertificateList.safeParse(JSON.parse(await response.text()))
    return parsed.data?.certificates.map(each => each.certificate)
  })
  // One that cannot be read costs no other.
  const read = await Promise.all(
    (found ?? []).map(text =>
      quietly(async () => parseCertificate(Buffer.from(text, 'base64')).raw),
    ),
  )
  return read.flatMap(each => each ?? [])
}

async function fetchList(url: string, fetch: Fetch): Promise<readonly Uint8Array[]> {
  const found = await quietly(async () => {
    const response = await fetch(url)
    return response.status === 200
      ? parseCrl(new Uint8Array(await response.arrayBuffer())).raw
      : undefined
  })
  return found === undefined ? [] : [found]
}

// Whoever cannot be reached or answers nonsense gives nothing; what was not expected is thrown on.
async function quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const isExpected =
      error instanceof NetworkFault ||
      error instanceof MalformedError ||
      error instanceof SyntaxError ||
      error instanceof TypeError
    if (isExpected) return undefined
    throw error
  }
}
