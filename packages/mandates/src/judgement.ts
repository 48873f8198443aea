/**
 * May this person do this act for this corporation, at this time? Pure: facts in, a judgement out (C12, flows.md §17). Everything that is
 * not known is never yes.
 */
import type {
  AuthorityFinding,
  HolderFacts,
  MandateAct,
  MandateDelegate,
  MandateTerms,
} from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import { type FindingCode, findingOf } from './reason.ts'
import { existedAt, inOffice, type RegisteredCorporation } from './register.ts'
import type { EndCause } from './table.ts'

/** One mandate as it is judged. */
export type MandateFacts = {
  readonly id: string
  readonly method: 'operator-file' | 'mandator-file' | 'sub-delegation'
  readonly terms: MandateTerms
  readonly mandator: { readonly name: string; readonly title?: string | undefined }
  readonly delegate: MandateDelegate
  /** Undefined: not accepted; a file that the mandator keeps counts from its beginning. */
  readonly acceptedAt: Instant | undefined
  readonly ended: { readonly at: Instant; readonly cause: EndCause } | undefined
  readonly grantSha256: string
  readonly record: string | undefined
}

/** From the representative's mandate down to that of who acts. */
export type MandateChain = readonly [MandateFacts, ...MandateFacts[]]

/** What is asked. */
export type ActAsked = {
  readonly act: string
  readonly yen: number | undefined
  /** Provider before whom it is done. */
  readonly counterparty: string
  readonly at: Instant
}

/** Who acts, as far as it is proven. */
export type Actor =
  /** A representative by the registrar's certificate, or a delegate by one that carries the mandate. */
  | { readonly kind: 'holder'; readonly holder: HolderFacts }
  /** A person with mandates; empty: none of this corporation. */
  | { readonly kind: 'person'; readonly chains: readonly MandateChain[] }

/** What was judged. */
export type AuthorityJudgement = {
  readonly verdict: 'authorised' | 'not-authorised' | 'indeterminate'
  /** One a question, but for the author, which is judged before. */
  readonly findings: readonly AuthorityFinding[]
  /** The chain that the judgement rests on; empty for a representative. */
  readonly chain: readonly MandateFacts[]
}

/** Judges. `register`: what the register says; undefined: no such corporation; `unreachable`: it could not be asked. */
export function judgeAuthority(
  actor: Actor,
  corporation: string,
  asked: ActAsked,
  register: RegisteredCorporation | undefined | 'unreachable',
): AuthorityJudgement {
  if (register === 'unreachable') return concluded(['register-unreachable'])
  if (register === undefined) return concluded(['corporation-unknown'])
  if (!existedAt(register, asked.at)) return concluded(['corporation-closed'])
  const exists = 'corporation-exists' as const
  if (actor.kind === 'holder')
    return concluded([exists, ...judgeHolder(actor.holder, corporation, asked, register)])
  const judged = actor.chains.map(chain => ({
    chain,
    codes: judgeChain(chain, asked, register),
  }))
  const best = judged.find(({ codes }) => isGood(codes)) ?? judged[0]
  if (best === undefined) return concluded([exists, 'mandate-missing'])
  return { ...concluded([exists, ...best.codes]), chain: best.chain }
}

function judgeHolder(
  holder: HolderFacts,
  corporation: string,
  asked: ActAsked,
  register: RegisteredCorporation,
): readonly FindingCode[] {
  if (holder.corporation?.number !== corporation) return ['mandate-missing']
  const { mandate } = holder
  const representative =
    mandate === undefined ? { name: holder.name, title: holder.title ?? '' } : mandate.by
  if (!inOffice(register, representative, asked.at)) return ['representative-left']
  if (holder.kind === 'representative') return ['representative-in-office', 'authority-inherent']
  if (holder.kind !== 'mandate' || mandate === undefined) return ['mandate-missing']
  const isCovered = mandate.scope.some(each => each.code === asked.act)
  return ['representative-in-office', isCovered ? 'act-covered' : 'act-not-covered']
}

function judgeChain(
  chain: MandateChain,
  asked: ActAsked,
  register: RegisteredCorporation,
): readonly FindingCode[] {
  const [first] = chain
  const { name, title = '' } = first.mandator
  if (!inOffice(register, { name, title }, asked.at)) return ['representative-left']
  // A power that was handed on reaches no further than any step before it.
  for (const mandate of chain) {
    const code = judgeMandate(mandate, asked)
    if (code !== 'act-covered') return ['representative-in-office', code]
  }
  return ['representative-in-office', 'act-covered']
}

/** Judges one mandate, whoever gave it. */
function judgeMandate(mandate: MandateFacts, asked: ActAsked): FindingCode {
  const { terms, acceptedAt, ended } = mandate
  const { at } = asked
  if (acceptedAt === undefined || at < acceptedAt) return 'mandate-not-accepted'
  if (ended !== undefined && ended.at <= at) return 'mandate-ended'
  if (at < Date.parse(terms.from)) return 'mandate-not-begun'
  if (at >= Date.parse(terms.until)) return 'mandate-expired'
  const acts = terms.acts.filter(each => each.code === asked.act || each.code === '*')
  if (acts.length === 0) return 'act-not-covered'
  const codes = acts.map(each => judgeAct(each, asked))
  return codes.includes('act-covered') ? 'act-covered' : (codes[0] ?? 'act-not-covered')
}

function judgeAct(act: MandateAct, asked: ActAsked): FindingCode {
  if (act.counterparties !== undefined && !act.counterparties.includes(asked.counterparty))
    return 'counterparty-not-covered'
  if (act.yenMax === undefined) return 'act-covered'
  if (asked.yen === undefined) return 'amount-untold'
  return asked.yen <= act.yenMax ? 'act-covered' : 'amount-exceeded'
}

/** The first way in which terms reach further than those that they come from; undefined: they do not. */
export function widerThan(
  parent: MandateTerms,
  child: MandateTerms,
): 'from' | 'until' | 'subdelegations' | 'acts' | undefined {
  if (Date.parse(child.from) < Date.parse(parent.from)) return 'from'
  if (Date.parse(child.until) > Date.parse(parent.until)) return 'until'
  if (child.subdelegations >= parent.subdelegations) return 'subdelegations'
  return child.acts.every(act => parent.acts.some(from => isWithin(from, act))) ? undefined : 'acts'
}

function isWithin(from: MandateAct, act: MandateAct): boolean {
  if (from.code !== '*' && from.code !== act.code) return false
  if (from.yenMax !== undefined && (act.yenMax === undefined || act.yenMax > from.yenMax))
    return false
  const { counterparties } = from
  if (counterparties === undefined) return true
  return act.counterparties?.every(each => counterparties.includes(each)) ?? false
}

const good: readonly FindingCode[] = [
  'corporation-exists',
  'representative-in-office',
  'authority-inherent',
  'act-covered',
]

function isGood(codes: readonly FindingCode[]): boolean {
  return codes.every(code => good.includes(code))
}

function concluded(codes: readonly FindingCode[]): AuthorityJudgement {
  const said = codes.map(findingOf)
  const isUnknown = said.some(each => each.answer === 'unknown')
  const verdict = isUnknown ? 'indeterminate' : isGood(codes) ? 'authorised' : 'not-authorised'
  return { verdict, findings: said, chain: [] }
}
