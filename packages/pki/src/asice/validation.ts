/**
 * The judgement of ASiC-E containers (ETSI EN 319 162-1 §4.4): every signature in them, XAdES or CAdES, which files each covers,
 * and whether any file is covered by none. docs/protocol/asic.md says what is accepted.
 */
import type { ZipEntry } from '../archive/zip.ts'
import type { Certificate } from '../certificate.ts'
import { type CmsReport, validateCms } from '../cms-validation.ts'
import { digest } from '../crypto.ts'
import { bytesEqual, MalformedError } from '../der.ts'
import type { KeyCache } from '../key-cache.ts'
import {
  type Instant,
  passed,
  type Reason,
  reason,
  rejected,
  rejectedFor,
  type Verdict,
} from '../reason.ts'
import { type RevocationEvidence, withListsParsed } from '../revocation.ts'
import type { SignerRules } from '../signer-certificate.ts'
import {
  judgeTimeStamp,
  type TimeStampTrust,
  type ValidTimeStamp,
} from '../time-stamp-judgement.ts'
import { type AsicManifest, readAsicManifest } from '../xml/asic-manifest.ts'
import { type XmlReport, validateXml } from '../xml/xml-validation.ts'
import { type AsicContainer, contentsByUri, filesByUri, readContainer } from './container.ts'

/** What each signature must be at least: certificate bound (B), time proven (T), with all evidence in it (LT). */
export type AsicLevel = 'b' | 't' | 'lt'

/** All that decides. Nothing has a default. */
export interface AsicDemands {
  readonly container: Uint8Array
  /** `whole`: every data file must be covered by a signature; `part`: the caller reads `uncovered`. */
  readonly coverage: 'whole' | 'part'
  readonly level: AsicLevel
  /** The time of judgement. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  readonly certificates: readonly Certificate[]
  /** As for CMS and XML: where it is lists or all that is at hand, what the signatures hold counts as well. */
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  /** Undefined: no time-stamp authority is trusted, and no time is proven. */
  readonly timeStamps: TimeStampTrust | undefined
  readonly keys: KeyCache
}

/** One signature file with its judgement. */
export type AsicSignatureReport = {
  /** Its name in the container. */
  readonly file: string
  /** Data files that all its signatures cover. */
  readonly covers: readonly string[]
  readonly verdict: Verdict<unknown>
} & (
  | { readonly kind: 'xades'; readonly report: XmlReport }
  | { readonly kind: 'cades'; readonly report: CmsReport | undefined }
  | { readonly kind: 'time-stamp'; readonly stamp: Verdict<ValidTimeStamp> | undefined }
)

/** The judgement of a container: passed when it has a signature, all passed, and every file is covered where that is demanded. */
export interface AsicReport {
  readonly verdict: Verdict<readonly AsicSignatureReport[]>
  readonly signatures: readonly AsicSignatureReport[]
  /** Data files that no passed signature covers: nobody has signed them. */
  readonly uncovered: readonly string[]
  /** Files in META-INF that are neither signatures nor manifests: nobody has signed them. */
  readonly others: readonly string[]
}

/** Judges a container. Throws nothing, whatever the bytes. */
export function validateAsic(given: AsicDemands): AsicReport {
  const container = readContainer(given.container)
  if ('code' in container) {
    return { verdict: rejected([container]), signatures: [], uncovered: [], others: [] }
  }
  const demands = { ...given, revocation: withListsParsed(given.revocation) }
  const signatures = [
    ...container.xadesFiles.map(each => judgeXades(each, container, demands)),
    ...judgeManifests(container, demands),
  ]
  const covered = new Set(signatures.flatMap(each => (isSignature(each) ? each.covers : [])))
  const uncovered = container.dataFiles.map(each => each.name).filter(name => !covered.has(name))
  return {
    verdict: together(signatures, uncovered, demands.coverage),
    signatures,
    uncovered,
    others: container.others.map(each => each.name),
  }
}

// A time-stamp says when, and not who.
function isSignature(report: AsicSignatureReport): boolean {
  return report.verdict.kind === 'passed' && report.kind !== 'time-stamp'
}

function together(
  signatures: readonly AsicSignatureReport[],
  uncovered: readonly string[],
  coverage: AsicDemands['coverage'],
): Verdict<readonly AsicSignatureReport[]> {
  const reasons: Reason[] = signatures.flatMap(({ verdict }) =>
    verdict.kind === 'passed' ? [] : verdict.reasons,
  )
  if (signatures.every(each => each.kind === 'time-stamp')) reasons.push(reason('asic-unsigned'))
  else if (reasons.length === 0 && coverage === 'whole' && uncovered.length > 0) {
    reasons.push(reason('asic-file-uncovered', { names: uncovered }))
  }
  const [first, ...rest] = reasons
  return first === undefined ? passed(signatures) : rejected([first, ...rest])
}

function judgeXades(
  file: ZipEntry,
  container: AsicContainer,
  demands: AsicDemands,
): AsicSignatureReport {
  const besides = container.entries.filter(each => each !== file)
  const report = validateXml({
    ...demands,
    xml: file.bytes,
    files: contentsByUri(besides),
    coverage: 'part',
    level: `xades-${demands.level}`,
  })
  const byUri = filesByUri(besides)
  const named = report.signatures
    .filter(each => each.countersigns === undefined)
    .map(each => {
      const names = each.covered.map(({ coverage: { target } }) =>
        target.kind === 'file' ? byUri.get(target.uri)?.name : undefined,
      )
      return new Set(names)
    })
  const covers = dataNames(container).filter(
    name => named.length > 0 && named.every(each => each.has(name)),
  )
  // Signatures over something else in their own file say nothing about the container.
  const verdict =
    report.verdict.kind === 'passed' && covers.length === 0
      ? rejectedFor('asic-file-uncovered', { file: file.name })
      : report.verdict
  return { kind: 'xades', file: file.name, covers, report, verdict }
}

// §4.4.4: a CAdES signature or a time-stamp is over a manifest, and the manifest names the files.
function judgeManifests(
  container: AsicContainer,
  demands: AsicDemands,
): readonly AsicSignatureReport[] {
  const reports: AsicSignatureReport[] = []
  const met = new Set<ZipEntry>()
  const byUri = filesByUri([...container.cadesFiles, ...container.timeStampFiles])
  for (const file of container.manifests) {
    const manifest = parseManifest(file)
    const signature = 'code' in manifest ? undefined : byUri.get(manifest.signature)
    if ('code' in manifest || signature === undefined || met.has(signature)) {
      const because =
        'code' in manifest
          ? manifest
          : reason('asic-malformed', { detail: 'manifest', file: file.name })
      const verdict = rejected([because])
      reports.push({ kind: 'cades', file: file.name, covers: [], report: undefined, verdict })
      continue
    }
    met.add(signature)
    reports.push(judgeOver(file, manifest, signature, container, demands))
  }
  for (const file of [...container.cadesFiles, ...container.timeStampFiles]) {
    if (met.has(file)) continue
    // Nobody can say what it is about.
    const verdict = rejectedFor('asic-malformed', { detail: 'no manifest', file: file.name })
    reports.push({ kind: 'cades', file: file.name, covers: [], report: undefined, verdict })
  }
  return reports
}

function parseManifest(file: ZipEntry): AsicManifest | Reason {
  try {
    return readAsicManifest(file.bytes)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return reason('asic-malformed', { detail: error.message, file: file.name })
  }
}

function judgeOver(
  file: ZipEntry,
  manifest: AsicManifest,
  signature: ZipEntry,
  container: AsicContainer,
  demands: AsicDemands,
): AsicSignatureReport {
  const reasons: Reason[] = []
  const names = checkManifest(manifest, container, reasons)
  const covers = dataNames(container).filter(name => names.has(name))
  if (reasons.length === 0 && covers.length === 0) {
    reasons.push(reason('asic-file-uncovered', { file: file.name }))
  }
  const content = { kind: 'bytes', bytes: file.bytes } as const
  const about = { file: signature.name, covers }
  if (container.timeStampFiles.includes(signature)) {
    const { timeStamps: trust, at, keys } = demands
    const stamp =
      trust === undefined
        ? undefined
        : judgeTimeStamp({
            token: signature.bytes,
            stamped: content,
            nonce: undefined,
            at,
            trust,
            keys,
          })
    const verdict = stamp === undefined ? rejectedFor('time-stamp-missing') : stamp
    return { ...about, kind: 'time-stamp', stamp, verdict: joined(verdict, reasons) }
  }
  const report = validateCms({
    ...demands,
    cms: signature.bytes,
    content,
    level: `cades-${demands.level}`,
  })
  return { ...about, kind: 'cades', report, verdict: joined(report.verdict, reasons) }
}

/** The names of the files whose digests are right; what is wrong is added to the reasons. */
function checkManifest(
  manifest: AsicManifest,
  container: AsicContainer,
  reasons: Reason[],
): ReadonlySet<string> {
  const byUri = filesByUri(container.entries)
  const names = new Set<string>()
  for (const { uri, hash, value } of manifest.references) {
    const entry = byUri.get(uri)
    if (hash === 'weak' || hash === 'unsupported') {
      reasons.push(reason(`algorithm-${hash}`, { field: 'DigestMethod', uri }))
    } else if (entry === undefined) reasons.push(reason('xml-content-missing', { uri }))
    else if (!bytesEqual(digest(hash, entry.bytes), value)) {
      reasons.push(reason('content-altered', { uri }))
    } else names.add(entry.name)
  }
  return names
}

function joined(verdict: Verdict<unknown>, more: readonly Reason[]): Verdict<unknown> {
  const [first, ...rest] = verdict.kind === 'passed' ? more : [...verdict.reasons, ...more]
  return first === undefined ? verdict : rejected([first, ...rest])
}

function dataNames(container: AsicContainer): readonly string[] {
  return container.dataFiles.map(each => each.name)
}
