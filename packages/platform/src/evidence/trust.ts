/** Whom the platform trusts: the authority's CA certificates, given by configuration, never taken from a card. */
import { Refusal } from '@sekisho/contract'
import {
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
  readonly anchors: readonly Certificate[]
  readonly keys: KeyCache
}

/** Keys kept loaded: those of people who come back within minutes, and the CAs'. */
const keysMax = 20_000

/**
 * Checks the configuration and makes the trust. Refusal `configuration-unsafe`: no anchor, or in production an anchor of a
 * town or a key of the TEST ONLY pool.
 */
export function createTrust(given: Omit<Trust, 'keys'>): Trust {
  if (given.anchors.length === 0) throw new Refusal('configuration-unsafe', { setting: 'anchors' })
  if (given.mode === 'production')
    for (const anchor of given.anchors)
      if (isTownAnchor(anchor) || isPoolKey(anchor.spki))
        throw new Refusal('configuration-unsafe', { setting: 'anchors', why: 'town-anchor' })
  return { ...given, keys: new KeyCache(keysMax) }
}

/** The name by which both sides know an issuing key: hex of its subject key identifier. */
export function issuerKeyId(anchor: Certificate): string {
  const identifier = anchor.subjectKeyIdentifier
  if (identifier === undefined)
    throw new Refusal('configuration-unsafe', { setting: 'anchors', why: 'no-key-id' })
  return toHex(identifier)
}
