/**
 * The checker (C12, flows.md §17): a signed document → is the author genuine, does the corporation exist, who represented it, and was there
 * authority for this act at that time, with the chain of evidence. The author's certificate is judged and charged as in any verification
 * of a file; the answer names who acted for the corporation, and no citizen besides.
 */
import {
  type AuthorityCheckAnswer,
  type authorityCheckRequest,
  mandateGrant,
  Refusal,
} from '@sekisho/contract'
import {
  judgeFileForProvider,
  personOf,
  type Provider,
  signJws,
  type World,
} from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { z } from 'zod'
import { entries } from './entry.ts'
import type { GrantWorld } from './grant.ts'
import {
  type Actor,
  type AuthorityJudgement,
  judgeAuthority,
  type MandateChain,
  type MandateFacts,
} from './judgement.ts'
import { chainsOf, corporationKey } from './mandate.ts'
import { findingOf } from './reason.ts'
import type { RegisteredCorporation } from './register.ts'
import { parseContent } from './statement.ts'

type Request = z.output<typeof authorityCheckRequest>
type Finding = AuthorityCheckAnswer['findings'][number]

/** What the checker works with. */
export type CheckWorld = World & GrantWorld

/** `typ` of a report. */
const reportType = 'sekisho-authority+jwt'
const idBits = 128

/** Checks a document for a provider. Refusals as of a verification of a file; `request-malformed` for a time to come. */
export async function checkAuthority(
  world: CheckWorld,
  provider: Provider,
  request: Request,
): Promise<AuthorityCheckAnswer> {
  const now = world.clock.now()
  const at = request.at === undefined ? now : Date.parse(request.at)
  if (at > now) throw new Refusal('request-malformed', { fields: 'at' })
  const { corporation, act, yen } = request
  const register = await readRegister(world, corporation)
  const author = await findAuthor(world, provider, request)
  const id = world.random.token(idBits)
  const asked = { act, yen, counterparty: provider.id, at }
  const judgement =
    author.actor === undefined
      ? undefined
      : judgeAuthority(author.actor, corporation, asked, register)
  const verdict =
    judgement === undefined
      ? author.verdict
      : author.refusal === undefined
        ? judgement.verdict
        : 'not-authorised'
  const findings: readonly Finding[] = [
    author.finding,
    ...(judgement?.findings.filter(
      each => author.refusal === undefined || each.question !== 'authority',
    ) ?? []),
    ...(author.refusal === undefined ? [] : [author.refusal]),
  ]
  const plain = {
    id,
    verdict,
    judgedAt: iso(now),
    at: iso(at),
    fileSha256: author.fileSha256,
    findings: [...findings],
    ...(verdict === 'authorised' && judgement !== undefined
      ? { actor: actorOf(author.actor, judgement, register, corporation) }
      : {}),
    chain: verdict === 'authorised' ? linksOf(author.actor, judgement?.chain ?? []) : [],
  }
  await world.store.transaction(tx =>
    world.ledger.record(tx, entries['mandates.checked'], {
      at: now,
      personId: author.personId,
      providerId: provider.id,
      values: { check: id, act, verdict },
    }),
  )
  const signedReport = await signJws(world.receiptKey, reportType, {
    iss: world.issuer,
    aud: provider.id,
    iat: Math.floor(now / 1000),
    jti: id,
    report: plain,
  })
  return { ...plain, signedReport }
}

type Author = {
  readonly fileSha256: string
  /** Undefined: nobody is proven to have signed. */
  readonly actor: Actor | undefined
  readonly personId: string | undefined
  readonly verdict: 'not-authorised' | 'indeterminate'
  readonly finding: Finding
  /** Why a mandate that came along is worth nothing. */
  readonly refusal: Finding | undefined
}

/** Signers are looked for among citizens first, then among those whom other PKIs certify for the corporation. */
async function findAuthor(
  world: CheckWorld,
  provider: Provider,
  request: Request,
): Promise<Author> {
  const { kind, file, content } = request
  const attempt = (signers: 'citizen' | 'mandate' | 'representative') =>
    judgeFileForProvider(world, provider, {
      kind,
      file,
      ...(content === undefined ? {} : { content }),
      purpose: 'signature',
      signers,
    })
  const none = { actor: undefined, personId: undefined, refusal: undefined }
  let undetermined: string | undefined
  let fileSha256 = ''
  for (const signers of ['citizen', 'mandate', 'representative'] as const) {
    const { judgement } = await attempt(signers)
    const { report } = judgement
    fileSha256 = judgement.fileSha256
    if (report.verdict === 'passed') {
      const finding = findingOf('author-genuine')
      const verdict = 'not-authorised'
      const [holder] = judgement.holders
      if (signers !== 'citizen' && holder !== undefined)
        return { ...none, actor: { kind: 'holder', holder }, fileSha256, verdict, finding }
      const [signer, ...others] = judgement.checked
      if (signers === 'citizen' && signer !== undefined && others.length === 0)
        return { fileSha256, verdict, finding, ...(await personActor(world, request, signer)) }
    }
    if (report.verdict === 'indeterminate' && report.signatures.length > 0)
      undetermined ??= report.indication
  }
  return undetermined === undefined
    ? { ...none, fileSha256, verdict: 'not-authorised', finding: findingOf('author-unproven') }
    : { ...none, fileSha256, verdict: 'indeterminate', finding: findingOf('author-undetermined') }
}

type Signer = {
  readonly issuerKeyId: string
  readonly serial: string
  readonly certificateSha256: string
}

async function personActor(
  world: CheckWorld,
  request: Request,
  signer: Signer,
): Promise<Pick<Author, 'actor' | 'personId' | 'refusal'>> {
  const { corporation } = request
  const personId = await world.store.read(db => personOf(db, signer))
  const kept =
    personId === undefined
      ? []
      : await world.store.read(db =>
          chainsOf(db, world, { personId, mandator: corporationKey(corporation) }),
        )
  if (request.mandate === undefined)
    return { actor: { kind: 'person', chains: kept }, personId, refusal: undefined }
  const brought = await broughtChain(world, request, signer)
  return 'code' in brought
    ? {
        actor: { kind: 'person', chains: kept },
        personId,
        refusal: kept.length > 0 ? undefined : brought,
      }
    : { actor: { kind: 'person', chains: [brought.chain, ...kept] }, personId, refusal: undefined }
}

/** A mandate that the mandator keeps 委任者記録ファイル方式, and that came along with the document. */
async function broughtChain(
  world: CheckWorld,
  request: Request,
  signer: Signer,
): Promise<Finding | { readonly chain: MandateChain }> {
  const cms = new Uint8Array(Buffer.from(request.mandate ?? '', 'base64'))
  const grant = parseContent(cms, mandateGrant)
  const { report, holders, fileSha256 } = await world.fileJudge.report({
    kind: 'cms',
    file: { kind: 'bytes', bytes: cms },
    content: undefined,
    files: [],
    query: undefined,
    purpose: 'signature',
    length: cms.length,
    signers: 'representative',
    revocation: 'crl',
  })
  const [holder, ...others] = holders
  const isGenuine =
    report.verdict === 'passed' &&
    others.length === 0 &&
    grant.method === 'mandator-file' &&
    grant.corporation === request.corporation &&
    holder?.corporation?.number === request.corporation
  if (!isGenuine || holder === undefined) return findingOf('mandate-unproven')
  if (grant.certificateSha256 !== signer.certificateSha256) return findingOf('delegate-is-another')
  const { acts, from, until, subdelegations, delegate } = grant
  return {
    chain: [
      {
        id: fileSha256,
        method: 'mandator-file',
        terms: { acts, from, until, subdelegations },
        mandator: { name: holder.name, title: holder.title },
        delegate,
        acceptedAt: Date.parse(grant.at),
        ended: undefined,
        grantSha256: fileSha256,
        record: undefined,
      },
    ],
  }
}

async function readRegister(
  world: CheckWorld,
  corporation: string,
): Promise<RegisteredCorporation | undefined | 'unreachable'> {
  try {
    return await world.register.read(corporation)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'register-unreachable') return 'unreachable'
    throw error
  }
}

function actorOf(
  actor: Actor | undefined,
  judgement: AuthorityJudgement,
  register: RegisteredCorporation | undefined | 'unreachable',
  corporateNumber: string,
): NonNullable<AuthorityCheckAnswer['actor']> | undefined {
  if (typeof register !== 'object') return undefined
  const company = { corporation: register.name, corporateNumber, headOffice: register.headOffice }
  const authority = judgement.findings.find(each => each.question === 'authority')
  const why = { ja: authority?.ja ?? '', en: authority?.en ?? '' }
  const last = judgement.chain.at(-1)
  const who =
    actor?.kind === 'holder'
      ? actor.holder
      : (last?.delegate ?? { name: '', unit: undefined, title: undefined })
  return {
    ...company,
    ...(who.unit === undefined ? {} : { unit: who.unit }),
    ...(who.title === undefined ? {} : { title: who.title }),
    name: who.name,
    authority: why,
  }
}

function linksOf(
  actor: Actor | undefined,
  chain: readonly MandateFacts[],
): AuthorityCheckAnswer['chain'] {
  if (actor?.kind === 'holder' && actor.holder.mandate !== undefined) {
    const { mandate, name, unit, title } = actor.holder
    return [
      {
        by: mandate.by,
        to: {
          name,
          ...(unit === undefined ? {} : { unit }),
          ...(title === undefined ? {} : { title }),
        },
        method: 'certificate',
        acts: mandate.scope.map(each => ({ ...each })),
        from: null,
        until: null,
        subdelegations: mandate.isSubdelegable ? 1 : 0,
      },
    ]
  }
  return chain.map(each => ({
    by: {
      name: each.mandator.name,
      ...(each.mandator.title === undefined ? {} : { title: each.mandator.title }),
    },
    to: {
      name: each.delegate.name,
      ...(each.delegate.unit === undefined ? {} : { unit: each.delegate.unit }),
      ...(each.delegate.title === undefined ? {} : { title: each.delegate.title }),
    },
    method: each.method,
    acts: [...each.terms.acts],
    from: each.terms.from,
    until: each.terms.until,
    subdelegations: each.terms.subdelegations,
    grantSha256: each.grantSha256,
    ...(each.record === undefined ? {} : { record: each.record }),
  }))
}

function iso(at: Instant): string {
  return new Date(at).toISOString()
}
