/** Keys of a town's authority, TEST ONLY: two generations of each CA over the checked-in pool, and keys for cards. */
import type { CvAnchor } from '@sekisho/card'
import type { CvSigner } from '@sekisho/card/issue'
import { importPublicKey, jpkiTown } from '@sekisho/pki'
import { poolCurveKey, poolKey, poolSize } from '@sekisho/pki/issue'
import { createKey } from '@sekisho/runtime/keys'
import { generationKinds } from './ca/generation-kind.ts'
import { type CaKey, createHierarchy, type GenerationPlan, type Hierarchy } from './ca/hierarchy.ts'
import type { StamperPlan } from './time-stamp/stamper.ts'
import type { OtherCaPlan } from './other-ca/authority.ts'
import { otherCaIds } from './other-ca/kind.ts'
import type { CardIssuerKeys } from './window/card-issuer.ts'
import type { CardKey } from './world.ts'

/**
 * The CAs of every town: the same, because keys and dates are. Generations begin on the days on which the real ones did
 * (jpki.md §2.1), and no later one is planned: a town whose clock is turned past July 2033 issues nothing more.
 */
export function townHierarchy(): Hierarchy {
  const plans = (['signature', 'authentication'] as const).flatMap((kind, ca) =>
    generationStarts.map((notBefore, generation): GenerationPlan => {
      const first = (ca * generationStarts.length + generation) * 2
      return {
        kind,
        generation: generation + 1,
        rules: generationKinds.present,
        notBefore,
        ca: caKey(first),
        responder: caKey(first + 1),
      }
    }),
  )
  return createHierarchy(jpkiTown, plans)
}

const generationStarts = [Date.UTC(2019, 8, 14, 15), Date.UTC(2023, 6, 16, 15)] as const

/** Pool keys that the CAs and responders use; cards begin after them. */
const caKeys = 2 * generationStarts.length * 2

function caKey(index: number): CaKey {
  const { spki, sign } = poolKey(index)
  return { spki, sign, algorithm: 'rsa-sha256' }
}

/** Keys of the town's time-stamp authority, which must outlast those of the CAs. It began when the present CAs did. */
export function townStamps(): StamperPlan {
  return {
    root: curveKey(0),
    stamping: curveKey(1),
    organization: jpkiTown.organization,
    notBefore: generationStarts[1],
  }
}

function curveKey(index: 0 | 1): CaKey {
  const { spki, sign } = poolCurveKey(index)
  return { spki, sign, algorithm: 'ecdsa-sha384' }
}

/** The other CAs of every town: their keys are the pool's last. They began when the present CAs did. */
export function townOtherCaPlan(): OtherCaPlan {
  return {
    notBefore: generationStarts[1],
    keyOf: id => {
      const first = firstOtherKey + 2 * otherCaIds.indexOf(id)
      return { ca: caKey(first), responder: caKey(first + 1) }
    },
  }
}

const firstHolderKey = poolSize - 2 * otherCaIds.length - 16
const firstOtherKey = poolSize - 2 * otherCaIds.length

/** For the companies' people: distinct keys of the pool while they last. */
export function createHolderKeys(): () => Promise<CardKey> {
  return poolKeysBetween(firstHolderKey, firstOtherKey)
}

/** A key made for one card. */
export async function freshCardKey(): Promise<CardKey> {
  const made = await createKey('rsa-2048')
  return {
    pkcs8: new Uint8Array(made.privateKey.export({ type: 'pkcs8', format: 'der' })),
    spki: new Uint8Array(made.publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/** For the personas' first cards: distinct keys of the pool while it lasts, so that a town begins without making keys. */
export function createPoolKeys(): () => Promise<CardKey> {
  return poolKeysBetween(firstIssuerKey + 3, firstHolderKey)
}

/** The town's issuer of cards. Identifiers have the form of those seen on test cards (jpki.md §1.4). */
export function townCardIssuerKeys(): CardIssuerKeys {
  const { spki, privateKey } = poolKey(firstIssuerKey + 1)
  return {
    root: cvSigner('6000033', firstIssuerKey),
    records: {
      id: '6100001',
      spki,
      sign: message => privateKey.sign('rsa-sha256', message),
      signBlock: block => privateKey.signBlock(block),
    },
    terminals: { id: terminalAuthorityId, spki: poolKey(firstIssuerKey + 2).spki },
  }
}

/** Signs the certificates of organisations whose terminals cards believe (A10, A11). */
export function townTerminalAuthority(): CvSigner {
  return cvSigner(terminalAuthorityId, firstIssuerKey + 2)
}

/** Whom readers of a town's cards trust: for records, and for chips. */
export function townCardAnchors(): {
  readonly records: readonly CvAnchor[]
  readonly chips: readonly CvAnchor[]
} {
  const { root, records } = townCardIssuerKeys()
  return {
    records: [{ id: root.id, key: importPublicKey(poolKey(firstIssuerKey).spki) }],
    chips: [{ id: records.id, key: importPublicKey(records.spki) }],
  }
}

const firstIssuerKey = caKeys
const terminalAuthorityId = '9000001'

function cvSigner(id: string, index: number): CvSigner {
  const { sign } = poolKey(index)
  return { id, sign: message => sign('rsa-sha256', message) }
}

function poolKeysBetween(first: number, end: number): () => Promise<CardKey> {
  let next = first
  return () => {
    if (next >= end) return freshCardKey()
    const { pkcs8, spki } = poolKey(next++)
    return Promise.resolve({ pkcs8, spki })
  }
}
