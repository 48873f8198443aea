/** How a file that the platform keeps is judged: as a stranger would who has nothing but the file. */
import { generalPolicy, type SignedFileReport, validateSignedFile } from '@sekisho/pki'
import type { LastingFormat } from '@sekisho/pki/assemble'
import type { Clock } from '@sekisho/runtime/clock'
import type { StampTrust } from './time-stamp.ts'
import type { Trust } from './trust.ts'

/** What the judgement stands on. */
export type KeptFileWorld = {
  readonly trust: Trust
  readonly stamps: StampTrust
  readonly clock: Clock
}

/** Judges a kept file by what it holds, with nothing beside it but anchors and the stamps' own list. */
export async function judgeKept(
  { trust, stamps, clock }: KeptFileWorld,
  format: LastingFormat,
  file: Uint8Array,
): Promise<SignedFileReport> {
  const none = { kind: 'collected', lists: [], responses: [], limits: generalPolicy.ocsp } as const
  return validateSignedFile({
    kind: kinds[format],
    file,
    content: undefined,
    files: new Map(),
    coverage: 'whole',
    query: undefined,
    algorithm: undefined,
    at: clock.now(),
    anchors: trust.anchors,
    certificates: [],
    revocation: none,
    timeStamps: await stamps.now(),
    rules: {
      kind: 'profile',
      profile: trust.profile,
      purpose: 'signature',
      poolKeys: trust.mode === 'town' ? 'danger-accepted' : 'refused',
    },
    policy: generalPolicy,
    keys: trust.keys,
  })
}

const kinds = {
  cades: 'cms',
  xades: 'xml',
  pades: 'pdf',
  jades: 'jws',
  asice: 'asice',
} as const
