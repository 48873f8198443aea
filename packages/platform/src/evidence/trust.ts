/** Whom the platform trusts: the authority's CA certificates, given by configuration, never taken from a card. */
import { Refusal } from '@sekisho/contract'
import {
  bytesEqual,
  type Certificate,
  type CertificateProfile,
  isPoolKey,
  isTownAnchor,
  KeyCache,
  toHex,
} from '@sekisho/pki'

/** Anchors, profile and the world they belong to. */
export type Trust = {
  readonly mode: 'town' | 'production'
  readonly profile: CertificateProfile
  /** Those in force now: a new generation of the authority's CAs is added while everything runs. */
  readonly anchors: readonly Certificate[]
  readonly keys: KeyCache
  /** Trusts one more, if it is not there already. Refusal `configuration-unsafe` as at the start. */
  add(anchor: Certificate): void
}

/** Keys kept loaded: those of people who come back within minutes, and the CAs'. */
const keysMax = 20_000

/**
 * Checks the configuration and makes the trust. Refusal `configuration-unsafe`: no anchor, or in production an anchor of a
 * town or a key of the TEST ONLY pool.
 */
export function createTrust({
  mode,
  profile,
  anchors: given,
}: Pick<Trust, 'mode' | 'profile' | 'anchors'>): Trust {
  if (given.length === 0) throw new Refusal('configuration-unsafe', { setting: 'anchors' })
  const anchors: Certificate[] = []
  const add = (anchor: Certificate): void => {
    if (mode === 'production' && (isTownAnchor(anchor) || isPoolKey(anchor.spki)))
      throw new Refusal('configuration-unsafe', { setting: 'anchors', why: 'town-anchor' })
    if (!anchors.some(each => bytesEqual(each.raw, anchor.raw))) anchors.push(anchor)
  }
  for (const anchor of given) add(anchor)
  return { mode, profile, anchors, keys: new KeyCache(keysMax), add }
}

/** The name by which both sides know an issuing key: hex of its subject key identifier. */
export function issuerKeyId(anchor: Certificate): string {
  const identifier = anchor.subjectKeyIdentifier
  if (identifier === undefined)
    throw new Refusal('configuration-unsafe', { setting: 'anchors', why: 'no-key-id' })
  return toHex(identifier)
}
