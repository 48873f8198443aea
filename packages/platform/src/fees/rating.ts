/**
 * From counted uses to a bill (C7): pure, so that the same uses under the same tariff are the same yen, whenever and however often
 * they are rated. Whole yen: of a line the fraction below one yen is dropped, once a line, in favour of who pays.
 */
import type { FeeLine, FeeMethod, FeePurpose, OwnLine, UsageKind } from '@sekisho/contract'
import {
  ownChargeOf,
  partsOf,
  type ProviderClass,
  type Tariff,
  type Terms,
  termsOn,
} from './tariff.ts'

/** Uses of one sort in one part of the month (`partsOf`). */
export type UsageGroup = {
  readonly kind: UsageKind
  readonly method: FeeMethod
  readonly purpose: FeePurpose
  /** Which part, from 0. */
  readonly part: number
  readonly uses: number
  /** Of those: current-status checks by list of a person who had one in the same year before. */
  readonly repeats: number
}

/** What a month costs. */
export type Rated = {
  /** The authority's fees. */
  readonly lines: readonly FeeLine[]
  /** The platform's own charge. */
  readonly own: readonly OwnLine[]
  readonly feesYen: number
  readonly ownYen: number
  readonly totalYen: number
}

/** Rates a month of one provider. Refusal `tariff-not-in-force` for uses on a day without a price. */
export function rateMonth(
  tariff: Tariff,
  month: string,
  given: { readonly class: ProviderClass; readonly groups: readonly UsageGroup[] },
): Rated {
  const parts = partsOf(tariff, month)
  const lines = new Map<string, Omit<FeeLine, 'feeYen'>>()
  // Steps count through the month, in the order of time and within a part in that of the names.
  const charged = new Map<UsageKind, number>()
  for (const group of given.groups.toSorted(byTime)) {
    const terms = termsOn(tariff, parts[group.part] ?? `${month}-01`, {
      ...group,
      class: given.class,
    })
    const before = charged.get(group.kind) ?? 0
    for (const piece of piecesOf(group, terms, before)) {
      const { kind, method, purpose } = group
      const line = { kind, method, purpose, unitYen: terms.unitYen, ...piece }
      const key = JSON.stringify({ ...line, count: 0 })
      lines.set(key, { ...line, count: line.count + (lines.get(key)?.count ?? 0) })
      if (piece.basis === 'charged')
        charged.set(group.kind, (charged.get(group.kind) ?? 0) + piece.count)
    }
  }
  const rated = [...lines.values()]
    .toSorted(byName)
    .map(line => ({ ...line, feeYen: line.basis === 'charged' ? feeOf(line) : 0 }))
  const own = ownLines(
    tariff,
    month,
    given.groups.reduce((sum, group) => sum + group.uses, 0),
  )
  const feesYen = rated.reduce((sum, line) => sum + line.feeYen, 0)
  const ownYen = own.reduce((sum, line) => sum + line.feeYen, 0)
  return { lines: rated, own, feesYen, ownYen, totalYen: feesYen + ownYen }
}

type Piece = Pick<FeeLine, 'basis' | 'count' | 'discountPercent' | 'reductionPercent'>

/** Uses on one basis each: waived, counted once a year before, or charged at one step. `before`: charged in this month before. */
function piecesOf(group: UsageGroup, terms: Terms, before: number): readonly Piece[] {
  const free = { discountPercent: 0, reductionPercent: 0 }
  if (terms.isWaived) return [{ basis: 'waived', count: group.uses, ...free }]
  const repeats = terms.isYearly ? group.repeats : 0
  const pieces: Piece[] = repeats > 0 ? [{ basis: 'counted-before', count: repeats, ...free }] : []
  const end = before + group.uses - repeats
  const edges = [0, ...terms.steps.map(step => step.above), Number.POSITIVE_INFINITY]
  for (const [position, from] of edges.slice(0, -1).entries()) {
    const count = Math.min(end, edges[position + 1] ?? end) - Math.max(before, from)
    if (count <= 0) continue
    const discountPercent = terms.steps[position - 1]?.percent ?? 0
    const { reductionPercent } = terms
    pieces.push({ basis: 'charged', count, discountPercent, reductionPercent })
  }
  return pieces
}

/** Discount and reduction each apply to what is left; in integers of any size, so that no yen is lost to floating point. */
function feeOf(line: Omit<FeeLine, 'feeYen'>): number {
  const left = BigInt(100 - line.discountPercent) * BigInt(100 - line.reductionPercent)
  return Number((BigInt(line.count) * BigInt(line.unitYen) * left) / 10_000n)
}

function ownLines(tariff: Tariff, month: string, uses: number): readonly OwnLine[] {
  const { monthYen, useYen } = ownChargeOf(tariff, month)
  return [
    { item: 'month', count: 1, unitYen: monthYen, feeYen: monthYen } as const,
    { item: 'use', count: uses, unitYen: useYen, feeYen: uses * useYen } as const,
  ].filter(line => line.feeYen > 0)
}

function byTime(a: UsageGroup, b: UsageGroup): number {
  return a.part - b.part || byName(a, b)
}

type Named = Pick<FeeLine, 'kind' | 'method' | 'purpose'>

function byName(a: Named, b: Named): number {
  const [left, right] = [a, b].map(one => `${one.kind} ${one.method} ${one.purpose}`)
  return left === right ? 0 : (left ?? '') < (right ?? '') ? -1 : 1
}
