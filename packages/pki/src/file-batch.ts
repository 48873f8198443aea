/**
 * Judges one signed file given as plain data: what `sekisho verify --batch` does for each line, so that any public suite can be
 * run against us. The format is specified in `docs/protocol/verify-batch.md`.
 */
import { isSignatureAlgorithm } from './algorithm.ts'
import {
  BatchLineError,
  byteList,
  bytes,
  instant,
  readableCertificates,
  record,
  text,
} from './batch-line.ts'
import type { CmsContent } from './cms-signer.ts'
import { digest } from './crypto.ts'
import type { KeyCache } from './key-cache.ts'
import { jpkiReal, jpkiTown } from './profile.ts'
import type { RevocationEvidence } from './revocation.ts'
import {
  isSignedFileKind,
  type SignedFileDemands,
  describeSignedFile,
  type SignedFileDescription,
  validateSignedFile,
} from './signed-file.ts'
import type { SignerRules } from './signer-certificate.ts'
import { generalPolicy } from './validation-policy.ts'

/** One line of input, checked: all that decides but the cache of keys. */
export interface FileCase {
  readonly id: string
  readonly demands: Omit<SignedFileDemands, 'keys'>
}

/** One line of output. */
export type FileOutcome = SignedFileDescription & { readonly id: string }

/** Checks the shape of a decoded JSON line. Throws `BatchLineError`. */
export function parseFileCase(line: unknown): FileCase {
  const fields = record(line, 'line')
  const kind = text(fields.kind, 'kind')
  if (!isSignedFileKind(kind)) throw new BatchLineError('kind')
  const anchors = readableCertificates(byteList(fields.anchors, 'anchors'))
  const certificates = readableCertificates(byteList(fields.certificates, 'certificates'))
  const revocation = evidenceOf(fields)
  const stampAnchors = fields.timeStampAnchors
  return {
    id: text(fields.id, 'id'),
    demands: {
      kind,
      file: bytes(fields.file, 'file'),
      content: contentOf(fields),
      files: filesOf(fields.files),
      coverage: oneOf(fields.coverage, 'coverage', ['whole', 'part']),
      query: fields.query === undefined ? undefined : bytes(fields.query, 'query'),
      algorithm: algorithmOf(fields.algorithm),
      at: instant(fields.at),
      anchors,
      certificates,
      revocation,
      timeStamps: {
        anchors:
          stampAnchors === undefined
            ? anchors
            : readableCertificates(byteList(stampAnchors, 'timeStampAnchors')),
        intermediates: certificates,
        revocation,
        policy: generalPolicy,
      },
      rules: rulesOf(fields),
      policy: generalPolicy,
    },
  }
}

/** Judges one case. */
export function judgeFileCase(given: FileCase, keys: KeyCache): FileOutcome {
  return { id: given.id, ...describeSignedFile(validateSignedFile({ ...given.demands, keys })) }
}

function evidenceOf(fields: Readonly<Record<string, unknown>>): RevocationEvidence {
  const isChecked = oneOf(fields.revocation, 'revocation', ['required', 'off']) === 'required'
  return isChecked
    ? {
        kind: 'collected',
        lists: byteList(fields.crls, 'crls'),
        responses: byteList(fields.ocsp, 'ocsp'),
        limits: generalPolicy.ocsp,
      }
    : { kind: 'danger-unchecked' }
}

function rulesOf(fields: Readonly<Record<string, unknown>>): SignerRules {
  const profile = oneOf(fields.profile, 'profile', ['standard', 'town', 'real'])
  if (profile === 'standard') {
    return { kind: 'standard', policies: anyPolicies, purpose: undefined, policy: generalPolicy }
  }
  return {
    kind: 'profile',
    profile: profile === 'town' ? jpkiTown : jpkiReal,
    purpose: oneOf(fields.purpose, 'purpose', ['signature', 'authentication']),
    poolKeys: profile === 'town' ? 'danger-accepted' : 'refused',
  }
}

function contentOf(fields: Readonly<Record<string, unknown>>): CmsContent | undefined {
  if (fields.content !== undefined) {
    return { kind: 'bytes', bytes: bytes(fields.content, 'content') }
  }
  if (fields.contentHashes === undefined) return undefined
  const given = record(fields.contentHashes, 'contentHashes')
  const hashes: { sha256?: Uint8Array; sha384?: Uint8Array; sha512?: Uint8Array } = {}
  for (const name of ['sha256', 'sha384', 'sha512'] as const) {
    if (given[name] === undefined) continue
    const hash = bytes(given[name], 'contentHashes')
    if (hash.length !== digest(name, new Uint8Array()).length) {
      throw new BatchLineError('contentHashes')
    }
    hashes[name] = hash
  }
  return { kind: 'hashes', hashes }
}

function filesOf(value: unknown): ReadonlyMap<string, CmsContent> {
  if (value === undefined) return new Map()
  return new Map(
    Object.entries(record(value, 'files')).map(([uri, encoded]) => [
      uri,
      { kind: 'bytes', bytes: bytes(encoded, 'files') },
    ]),
  )
}

function algorithmOf(value: unknown): SignedFileDemands['algorithm'] {
  if (value === undefined) return undefined
  const name = text(value, 'algorithm')
  if (!isSignatureAlgorithm(name)) throw new BatchLineError('algorithm')
  return name
}

// The first choice is meant when nothing is said.
function oneOf<const T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  const found = choices.find(each => each === (value ?? choices[0]))
  if (found === undefined) throw new BatchLineError(field)
  return found
}

const anyPolicies = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
} as const
