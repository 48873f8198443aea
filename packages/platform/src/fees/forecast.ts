/**
 * What the running month will cost, and the cheapest way of checking that is open to the provider (C7). The forecast is what was used
 * until now and, for the rest of the month, the daily mean of the last four weeks; a range comes from their best and worst week.
 *
 * Advice never goes beyond what the law and the provider's registration allow: which kind of certificate is checked follows from what
 * the provider does and is never a matter of price; a rule on the source of validity (`sekisho_revocation_required`) is not
 * questioned; counting once a year is for current-status checks, by list, where that was granted (S1).
 */
import { type FeeForecast, type MethodOption, Refusal } from '@sekisho/contract'
import { sql, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { findProvider, type Provider } from '../providers/registry.ts'
import { monthOf } from './meter.ts'
import { type Rated, rateMonth, type UsageGroup } from './rating.ts'
import { groupsOf } from './statement.ts'
import { type FeeWorld, tariffOf } from './tariff-book.ts'
import { instantOf, monthAfter, partsOf } from './tariff.ts'

/** The forecast for a provider. Refusal `provider-unknown`. */
export async function forecastFor(
  world: Pick<FeeWorld, 'store' | 'clock'>,
  providerId: string,
): Promise<FeeForecast> {
  const provider = await findProvider(world.store, providerId)
  if (provider === undefined) throw new Refusal('provider-unknown')
  const now = world.clock.now()
  const month = monthOf(now)
  const { tariff, used, weeks, changes } = await world.store.transaction(
    async tx => {
      const inForce = await tariffOf(tx, month)
      return {
        tariff: inForce,
        used: await groupsOf(tx, inForce, { providerId, month }),
        weeks: await weeksBefore(tx, providerId, now),
        changes: await changesIn(tx, { providerId, month }),
      }
    },
    { isolation: 'repeatable read' },
  )
  const restDays = (instantOf(`${monthAfter(month)}-01`) - now) / dayMs
  const part = partsOf(tariff, month).length - 1
  const withRest = (perWeek: (counts: readonly number[]) => number): readonly UsageGroup[] => [
    ...used,
    ...weeks.flatMap(({ counts, ...sort }) => {
      const uses = Math.round((perWeek(counts) / 7) * restDays)
      // The rest of a month repeats persons in the proportion of what was used.
      const repeats = Math.floor(uses * repeatedShare(used, sort))
      return uses === 0 ? [] : [{ ...sort, part, uses, repeats }]
    }),
  ]
  const rate = (groups: readonly UsageGroup[]): Rated =>
    rateMonth(tariff, month, { class: classOf(provider), groups })
  const expected = withRest(mean)
  return {
    month,
    tariff: tariff.id,
    usedYen: rate(used).totalYen,
    expectedYen: rate(expected).totalYen,
    lowYen: rate(withRest(counts => Math.min(...counts))).totalYen,
    highYen: rate(withRest(counts => Math.max(...counts))).totalYen,
    options: optionsOf(provider, splitOf(expected, used, changes), rate),
  }
}

type Sort = Pick<UsageGroup, 'kind' | 'method' | 'purpose'>
type Weeks = Sort & { readonly counts: readonly number[] }

/** Uses of each sort in the four weeks before, one number a week. */
async function weeksBefore(
  tx: Transaction<PlatformTables>,
  providerId: string,
  now: number,
): Promise<readonly Weeks[]> {
  const begin = now - weekCount * weekMs
  const months = [...new Set([monthOf(begin), monthOf(now)])]
  const { rows } = await sql<Sort & { week: number; uses: number }>`
    select kind, method, purpose, (at - ${String(begin)}::bigint) / ${String(weekMs)}::bigint as week, count(*) as uses
    from usage where provider_id = ${providerId} and month = any(${months}::text[])
      and at >= ${String(begin)}::bigint and at < ${String(now)}::bigint
    group by 1, 2, 3, 4`.execute(tx)
  const sorts = new Map<string, Sort & { counts: number[] }>()
  for (const { week, uses, kind, method, purpose } of rows) {
    const name = `${kind} ${method} ${purpose}`
    const sort = sorts.get(name) ?? { kind, method, purpose, counts: Array(weekCount).fill(0) }
    sort.counts[week] = uses
    sorts.set(name, sort)
  }
  return [...sorts.values()]
}

function repeatedShare(used: readonly UsageGroup[], sort: Sort): number {
  const same = used.filter(
    one => one.kind === sort.kind && one.method === sort.method && one.purpose === sort.purpose,
  )
  const uses = same.reduce((sum, one) => sum + one.uses, 0)
  return uses === 0 ? 0 : same.reduce((sum, one) => sum + one.repeats, 0) / uses
}

/** Change confirmations of a kind: how many of the uses by list, and how many of those of a person asked about before. */
type Changes = {
  readonly kind: UsageGroup['kind']
  readonly uses: number
  readonly persons: number
}

/** The change confirmations of a month that were not declared as current-status checks; they are always made by list. */
async function changesIn(
  tx: Transaction<PlatformTables>,
  { providerId, month }: { readonly providerId: string; readonly month: string },
): Promise<readonly Changes[]> {
  const { rows } = await sql<Changes>`
    select kind, count(*) as uses, count(distinct split_part(transaction, ' ', 2)) as persons
    from usage
    where provider_id = ${providerId} and month = ${month}
      and purpose = 'transaction' and transaction like 'change %'
    group by 1`.execute(tx)
  return rows
}

type Split = { readonly group: UsageGroup; readonly isChange: boolean; readonly persons: number }

/** Parts change confirmations from the other uses by list, in the proportion of what was used. */
function splitOf(
  groups: readonly UsageGroup[],
  used: readonly UsageGroup[],
  changes: readonly Changes[],
): readonly Split[] {
  const isOurs = (one: UsageGroup): boolean => one.method === 'crl' && one.purpose === 'transaction'
  return groups.flatMap(group => {
    const found = isOurs(group) ? changes.find(one => one.kind === group.kind) : undefined
    const all = used
      .filter(one => one.kind === group.kind && isOurs(one))
      .reduce((sum, one) => sum + one.uses, 0)
    if (found === undefined || all === 0) return [{ group, isChange: false, persons: 0 }]
    const uses = Math.floor((group.uses * found.uses) / all)
    const persons = Math.ceil((uses * found.persons) / found.uses)
    return [
      { group: { ...group, uses: group.uses - uses }, isChange: false, persons: 0 },
      { group: { ...group, uses }, isChange: true, persons },
    ]
  })
}

/** The same month by each way of checking, with why one is not open. The present one is always the first. */
function optionsOf(
  provider: Provider,
  split: readonly Split[],
  rate: (groups: readonly UsageGroup[]) => Rated,
): MethodOption[] {
  const { revocation, metadata } = provider
  const other = revocation === 'crl' ? 'ocsp' : 'crl'
  const presentYen = rate(split.map(one => one.group)).totalYen
  const otherYen = rate(
    split.map(({ group, isChange }) =>
      !isChange && group.purpose === 'transaction' && group.method === revocation
        ? { ...group, method: other }
        : group,
    ),
  ).totalYen
  const options = [
    optionOf(
      other,
      otherYen,
      presentYen,
      metadata.sekisho_revocation_required ? words.rule : undefined,
    ),
  ]
  if (split.some(one => one.isChange)) {
    const yen = rate(
      split.map(({ group, isChange, persons }) =>
        isChange ? { ...group, purpose: 'current-status', repeats: group.uses - persons } : group,
      ),
    ).totalYen
    const why = metadata.sekisho_current_status ? undefined : words.ungranted
    options.push(optionOf('current-status', yen, presentYen, why))
  }
  const isBest = options.every(one => one.advice !== 'change')
  const advice = isBest ? 'keep' : 'possible'
  return [
    { method: revocation, yen: presentYen, isAllowed: true, advice, ...words[advice] },
    ...options,
  ]
}

/** `why`: why it is not open to the provider; undefined: it is. */
function optionOf(
  method: MethodOption['method'],
  yen: number,
  presentYen: number,
  why: { readonly ja: string; readonly en: string } | undefined,
): MethodOption {
  if (why !== undefined) return { method, yen, isAllowed: false, advice: 'not-allowed', ...why }
  return yen < presentYen
    ? { method, yen, isAllowed: true, advice: 'change', ...words[method] }
    : { method, yen, isAllowed: true, advice: 'possible', ...words.possible }
}

function classOf(provider: Provider): 'ordinary' | 'public-interest' {
  return provider.metadata.sekisho_public_interest ? 'public-interest' : 'ordinary'
}

function mean(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0) / weekCount
}

const dayMs = 24 * 3600 * 1000
const weekMs = 7 * dayMs
const weekCount = 4

const words = {
  keep: {
    ja: '現在の方法です。これより安い、利用できる方法はありません。',
    en: 'What you use now. No way that is open to you is cheaper.',
  },
  possible: {
    ja: '利用できますが、最も安い方法ではありません。',
    en: 'Open to you, but not the cheapest.',
  },
  rule: {
    ja: '有効性の確認方法が登録上の定めであるため、変更できません。',
    en: 'The source of validity is a rule of your registration and cannot be changed.',
  },
  crl: {
    ja: '失効リストによる確認に変えると安くなります。リストの更新間隔だけ、失効を知るのが遅れます。',
    en: 'Checking by list is cheaper. A revocation is then known later, by at most the interval of the lists.',
  },
  'current-status': {
    ja: '変更確認が現況確認である場合は、目的を現況確認（current-status）として送ってください。一人につき年1回の計数になります。現況確認でない確認には使えません。',
    en: 'Where your change confirmations are current-status checks, send them as such (current-status): a person then counts once a year. Never for other checks.',
  },
  ungranted: {
    ja: '現況確認として区別することが認められていないため、利用できません。',
    en: 'It was not granted to you to have current-status checks told apart.',
  },
  ocsp: {
    ja: '即時照会による確認に変えると安くなります。認証局に届かないときは確認できません。',
    en: 'Immediate answers are cheaper. Nothing can be checked while the authority cannot be reached.',
  },
} as const
