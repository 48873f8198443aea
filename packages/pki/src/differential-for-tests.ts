/**
 * Certificates and containers bent in one place or two, judged by us, by openssl and by @peculiar/x509, for tests. What is
 * bent inside something signed is signed again, so that the rule itself is judged and not only the signature.
 */
import 'reflect-metadata'
import * as peculiar from '@peculiar/x509'
import { spawnSync } from 'node:child_process'
import { basename } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type Certificate, parseCertificate } from './certificate.ts'
import { cadesSpecimen, cmsAuthority } from './cms-specimen-for-tests.ts'
import { validateCms } from './cms-validation.ts'
import { MalformedError } from './der.ts'
import { bend, type DerNode, readTree, writeTree } from './der-tree-for-tests.ts'
import { extension } from './issue/certificate.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { Mutator } from './mutation-for-tests.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { judgePathCase } from './path-batch.ts'
import { checkIssued } from './path.ts'
import { authority, nameOf, person, worldNow } from './pki-world-for-tests.ts'
import type { Reason } from './reason.ts'
import { specimenNow } from './specimen-for-tests.ts'

/** One who judges beside us, and what is judged. */
export type DifferentialSubject =
  | 'openssl, leaf'
  | 'openssl, intermediate'
  | 'openssl, container'
  | 'peculiar, parsed and signed'

/** We and another differ. `ours` and `theirs` are `passed`, or why not. */
export interface Disagreement {
  readonly subject: DifferentialSubject
  readonly ours: string
  readonly theirs: string
  /** What was bent, and the whole input, to look at again. */
  readonly bent: string
  readonly input: string
}

/** What a run found. */
export interface DifferentialRun {
  readonly disagreements: readonly Disagreement[]
  /** Inputs that each subject had, and those that both passed. */
  readonly counts: ReadonlyMap<DifferentialSubject, { judged: number; passed: number }>
  /** The longest that one of our judgements took. */
  readonly msMax: number
  /** The most memory that one of our judgements took. */
  readonly bytesMax: number
}

type Input = { readonly bytes: Uint8Array; readonly bent: string }

const keys = new KeyCache(256)
const root = authority(nameOf('Root'), 40)
const middle = authority(nameOf('Middle'), 41, root)
const leaf = person(nameOf('Leaf'), middle, {
  key: 42,
  extensions: [extension.extendedKeyUsage(['1.3.6.1.5.5.7.3.2'], false)],
})
const seconds = (at: number): string => String(Math.floor(at / 1000))

/** Judges as many inputs of each subject, drawn from the seed. */
export async function runDifferential(
  seed: number,
  counts: { readonly leaves: number; readonly intermediates: number; readonly containers: number },
): Promise<DifferentialRun> {
  const mutator = new Mutator(seed)
  const run = new Run()
  const draw = (count: number, make: () => Input): Input[] => Array.from({ length: count }, make)
  const leaves = draw(counts.leaves, () => bentCertificate(leaf.certificate, 41, mutator))
  const said = opensslVerifiesAll(leaves)
  for (const [at, input] of leaves.entries()) {
    const ours = run.measured(() => judgeChain(input.bytes, middle.certificate.raw))
    run.note('openssl, leaf', input, ours, said[at] ?? '')
    run.note(
      'peculiar, parsed and signed',
      input,
      run.measured(() => judgeAlone(input.bytes)),
      await judgePeculiar(input.bytes),
    )
  }
  for (const input of draw(counts.intermediates, () =>
    bentCertificate(middle.certificate, 40, mutator),
  ))
    run.note(
      'openssl, intermediate',
      input,
      run.measured(() => judgeChain(leaf.certificate.raw, input.bytes)),
      opensslVerifiesThrough(input.bytes),
    )
  using judge = new OpensslJudge()
  const anchor = judge.pem('ca.pem', 'CERTIFICATE', cmsAuthority.certificate.raw)
  for (const input of draw(counts.containers, () => bentContainer(mutator)))
    run.note(
      'openssl, container',
      input,
      run.measured(() => judgeContainer(input.bytes)),
      opensslVerifiesContainer(judge, anchor, input.bytes),
    )
  return run
}

class Run implements DifferentialRun {
  readonly disagreements: Disagreement[] = []
  readonly counts = new Map<DifferentialSubject, { judged: number; passed: number }>()
  msMax = 0
  bytesMax = 0

  note(subject: DifferentialSubject, input: Input, ours: string, theirs: string): void {
    const count = this.counts.get(subject) ?? { judged: 0, passed: 0 }
    this.counts.set(subject, count)
    count.judged += 1
    const isBothPassed = ours === 'passed' && theirs === 'passed'
    if (isBothPassed) count.passed += 1
    if ((ours === 'passed') === (theirs === 'passed')) return
    const encoded = Buffer.from(input.bytes).toString('base64')
    this.disagreements.push({ subject, ours, theirs, bent: input.bent, input: encoded })
  }

  measured(judge: () => string): string {
    const before = memoryBytes()
    const began = performance.now()
    const found = judge()
    this.msMax = Math.max(this.msMax, performance.now() - began)
    this.bytesMax = Math.max(this.bytesMax, memoryBytes() - before)
    return found
  }
}

function memoryBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** One or two bendings; mostly of what is signed, and then signed again by the issuer. */
function bentCertificate(certificate: Certificate, issuerKey: number, mutator: Mutator): Input {
  const next = (limit: number): number => mutator.next(limit)
  const tree = treeOf(certificate.raw)
  const [tbs, , signature] = childrenOf(tree)
  if (tbs === undefined || signature === undefined) throw new Error('a certificate has three parts')
  const isSigned = next(8) > 0
  const bent = bendings(next, () => bend(isSigned ? tbs : tree, next))
  if (isSigned) {
    const made = poolKey(issuerKey).sign('rsa-sha256', writeTree(tbs))
    signature.content = Uint8Array.from([0, ...made])
  }
  return { bytes: writeTree(tree), bent }
}

/** A container bent somewhere, or in its signed attributes and then signed again. */
function bentContainer(mutator: Mutator): Input {
  const next = (limit: number): number => mutator.next(limit)
  const tree = treeOf(cadesSpecimen())
  const isSigned = next(2) === 0
  if (!isSigned) return { bent: bendings(next, () => bend(tree, next)), bytes: writeTree(tree) }
  const signer = descend(tree, [1, 0, -1, 0])
  const [attributes, signature] = [descend(signer, [3]), descend(signer, [-1])]
  const bent = bendings(next, () => bend(attributes, next))
  const made = poolKey(1).sign('rsa-sha256', writeTree({ ...attributes, tag: 0x31 }))
  signature.content = made
  return { bytes: writeTree(tree), bent }
}

function bendings(next: (limit: number) => number, once: () => string): string {
  return Array.from({ length: 1 + (next(4) === 0 ? 1 : 0) }, once).join(', ')
}

function treeOf(der: Uint8Array): DerNode {
  const tree = readTree(der)
  if (tree === undefined) throw new Error('a specimen is DER')
  return tree
}

function childrenOf(node: DerNode): readonly DerNode[] {
  return node.content instanceof Uint8Array ? [] : node.content
}

function descend(node: DerNode, path: readonly number[]): DerNode {
  let found: DerNode | undefined = node
  for (const at of path) found = found === undefined ? undefined : childrenOf(found).at(at)
  if (found === undefined) throw new Error('the specimen has another form')
  return found
}

const anyPolicy = {
  acceptable: 'any',
  explicit: false,
  inhibitMapping: false,
  inhibitAny: false,
} as const

function judgeChain(end: Uint8Array, between: Uint8Array): string {
  const { verdict, reasons } = judgePathCase(
    {
      id: 'bent',
      leaf: end,
      bag: [between],
      anchors: [root.certificate.raw],
      crls: [],
      ocsp: [],
      at: worldNow,
      policies: anyPolicy,
      purpose: undefined,
      keyUsage: 0,
      revocation: 'off',
    },
    keys,
  )
  return verdict === 'passed' ? 'passed' : told(reasons[0])
}

/** Whether it can be read and its issuer has signed it: what a library of parsing answers for. */
function judgeAlone(bytes: Uint8Array): string {
  try {
    const certificate = parseCertificate(bytes)
    readAllOf(certificate)
    const reason = checkIssued(certificate, middle.certificate, keys)
    return reason === undefined ? 'passed' : told(reason)
  } catch (error) {
    if (error instanceof MalformedError) return 'certificate-malformed'
    throw error
  }
}

/** Every part that is read only when asked for. Throws `MalformedError`. */
function readAllOf(certificate: Certificate): readonly unknown[] {
  return [
    certificate.subject.key,
    certificate.issuer.key,
    certificate.keyUsage,
    certificate.basicConstraints,
    certificate.extendedKeyUsage,
    certificate.policies,
    certificate.policyMappings,
    certificate.policyConstraints,
    certificate.inhibitAnyPolicy,
    certificate.nameConstraints,
    certificate.subjectAltName,
    certificate.authorityKeyIdentifier,
    certificate.subjectKeyIdentifier,
    certificate.publicKey(keys),
  ]
}

function judgeContainer(cms: Uint8Array): string {
  const { verdict } = validateCms({
    cms,
    content: undefined,
    level: 'cades-b',
    at: specimenNow,
    anchors: [cmsAuthority.certificate],
    certificates: [],
    revocation: { kind: 'danger-unchecked' },
    rules: {
      kind: 'standard',
      policies: {
        acceptable: 'any',
        isExplicitRequired: false,
        isMappingInhibited: false,
        isAnyInhibited: false,
      },
      purpose: undefined,
    },
    timeStamps: undefined,
    keys,
  })
  return verdict.kind === 'passed' ? 'passed' : told(verdict.reasons[0])
}

function told(reason: Reason | undefined): string {
  return reason?.code ?? 'no reason'
}

async function judgePeculiar(bytes: Uint8Array): Promise<string> {
  try {
    const theirs = new peculiar.X509Certificate(Uint8Array.from(bytes))
    const issuer = new peculiar.X509Certificate(Uint8Array.from(middle.certificate.raw))
    const isGood = await theirs.verify({ publicKey: issuer.publicKey, signatureOnly: true })
    return isGood ? 'passed' : 'refused'
  } catch {
    return 'refused'
  }
}

/** All leaves in one run of openssl; its word for each. */
function opensslVerifiesAll(leaves: readonly Input[]): readonly string[] {
  using judge = new OpensslJudge()
  const files = leaves.map(({ bytes }, at) => judge.file(`leaf-${at}.der`, bytes))
  const { stdout, stderr } = spawnSync(
    'openssl',
    [...verifying(judge, middle.certificate.raw), ...files],
    { timeout: 60_000, maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' },
  )
  const passed = new Set(
    stdout
      .split('\n')
      .flatMap(line => (line.endsWith(': OK') ? [basename(line.slice(0, -4))] : [])),
  )
  const reasons = new Map<string, string>()
  let pending = ''
  for (const line of stderr.split('\n')) {
    const reason = /^error \d+ at \d+ depth lookup: (.*)$/.exec(line)?.[1]
    const failed = /^error (?:loading file )?(\S+?)(?:: verification failed)?$/.exec(line)?.[1]
    if (reason !== undefined) pending ||= reason
    else if (failed !== undefined) {
      reasons.set(basename(failed), pending)
      pending = ''
    }
  }
  return files.map(file => {
    const name = basename(file)
    return passed.has(name) ? 'passed' : (reasons.get(name) ?? 'unreadable')
  })
}

function opensslVerifiesThrough(between: Uint8Array): string {
  using judge = new OpensslJudge()
  const file = judge.file('leaf.der', leaf.certificate.raw)
  const { status, text } = judge.run(...verifying(judge, between), file)
  return status === 0 ? 'passed' : (/depth lookup: (.*)/.exec(text)?.[1] ?? 'unreadable')
}

function verifying(judge: OpensslJudge, between: Uint8Array): readonly string[] {
  return [
    'verify',
    '-x509_strict',
    '-attime',
    seconds(worldNow),
    '-CAfile',
    judge.pem('root.pem', 'CERTIFICATE', root.certificate.raw),
    '-untrusted',
    judge.pem('middle.pem', 'CERTIFICATE', between),
  ]
}

function opensslVerifiesContainer(judge: OpensslJudge, anchor: string, cms: Uint8Array): string {
  const { status, text } = judge.run(
    'cms',
    '-verify',
    '-binary',
    '-inform',
    'DER',
    '-in',
    judge.file('bent.der', cms),
    '-CAfile',
    anchor,
    '-purpose',
    'any',
    '-attime',
    seconds(specimenNow),
    '-cades',
    '-out',
    judge.path('out'),
  )
  if (status === 0) return 'passed'
  const why = /Verify error: ?(.*)/.exec(text)?.[1]
  // The innermost error comes first: `…:error:<code>:<library>:<function>:<reason>:…`; without one, a sentence.
  const lines = text.trim().split('\n')
  return why ?? /:error:[^:]*:[^:]*:[^:]*:([^:]*):/.exec(text)?.[1] ?? lines.at(-1) ?? ''
}
