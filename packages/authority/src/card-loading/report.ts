/**
 * The yearly report to the minister (flows.md §21, conditions): for each owner the audit's result and the number of loadings, contractors
 * included.
 */
import { Refusal } from '@sekisho/contract'
import { dateInJapan, startOfDayInJapan } from '@sekisho/contract/japan'
import { html, type Lang, page, table } from '@sekisho/web'
import type { LoadingTables } from './database.ts'
import type { LoadingWorld } from './world.ts'

/** A year of account 年度, from April to March. */
export type LoadingReport = {
  readonly year: number
  /** False while the year is not over. */
  readonly isComplete: boolean
  readonly reportedAt: string
  readonly owners: readonly {
    readonly id: string
    readonly name: string
    readonly kind: 'ordinance' | 'private'
    readonly basis: string
    readonly loadings: number
    readonly applications: readonly {
      readonly aid: string
      readonly name: string
      readonly loadings: number
    }[]
    /** Null: not handed in yet. */
    readonly audit: { readonly result: 'satisfied' | 'findings'; readonly text: string } | null
  }[]
  readonly loadings: number
}

/** Takes down the result of an audit; another one for the year takes its place. Refusal `loading-owner-unknown`. */
export async function recordAudit(
  world: LoadingWorld,
  audit: Omit<LoadingTables['loading_audit'], 'at'>,
): Promise<void> {
  const { result, text } = audit
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const owner = await tx
      .selectFrom('loading_owner')
      .select('id')
      .where('id', '=', audit.owner)
      .executeTakeFirst()
    if (owner === undefined) throw new Refusal('loading-owner-unknown')
    await tx
      .insertInto('loading_audit')
      .values({ ...audit, at })
      .onConflict(conflict => conflict.columns(['owner', 'year']).doUpdateSet({ result, text, at }))
      .execute()
  })
}

/** The report of a year. What was deleted later counts: it was loaded. */
export async function reportOf(world: LoadingWorld, year: number): Promise<LoadingReport> {
  const from = startOfDayInJapan({ year, month: 4, day: 1 })
  const until = startOfDayInJapan({ year: year + 1, month: 4, day: 1 })
  const [owners, counts, audits] = await world.store.read(async db => [
    await db.selectFrom('loading_owner').selectAll().orderBy('id').execute(),
    await db
      .selectFrom('loading_application')
      .leftJoin('loading', join =>
        join
          .onRef('loading.aid', '=', 'loading_application.aid')
          .on('loaded_at', '>=', from)
          .on('loaded_at', '<', until),
      )
      .select(({ fn }) => [
        'owner',
        'loading_application.aid as aid',
        'name',
        fn.count<number>('loading.id').as('loadings'),
      ])
      .groupBy(['owner', 'loading_application.aid', 'name'])
      .orderBy('loading_application.aid')
      .execute(),
    await db.selectFrom('loading_audit').selectAll().where('year', '=', year).execute(),
  ])
  const told = owners.map(({ id, name, kind, basis }) => {
    const applications = counts
      .filter(one => one.owner === id)
      .map(({ aid, name: of, loadings }) => ({ aid, name: of, loadings }))
    const audit = audits.find(one => one.owner === id)
    return {
      id,
      name,
      kind,
      basis,
      loadings: sum(applications),
      applications,
      audit: audit === undefined ? null : { result: audit.result, text: audit.text },
    }
  })
  const at = world.clock.now()
  return {
    year,
    isComplete: at >= until,
    reportedAt: new Date(at).toISOString(),
    owners: told,
    loadings: sum(told),
  }
}

const sum = (rows: readonly { readonly loadings: number }[]): number =>
  rows.reduce((all, one) => all + one.loadings, 0)

/** The report as a page. */
export function reportPage(report: LoadingReport, lang: Lang): string {
  const say = words[lang]
  const at = dateInJapan(Date.parse(report.reportedAt))
  return page({
    title: say.title(report.year),
    lang,
    wide: true,
    service: { name: say.service, home: '/loading' },
    body: [
      html`<p class="lead">${say.day(at.year, at.month, at.day)} ${report.isComplete ? '' : say.running}</p>`,
      table(
        say.owners,
        [say.owner, say.kind, say.basis, say.application, say.loadings, say.audit],
        report.owners.map(one => [
          one.name,
          say.kinds[one.kind],
          one.basis,
          html`${one.applications.map(each => html`<p>${each.name} (${each.loadings})</p>`)}`,
          String(one.loadings),
          one.audit === null
            ? say.noAudit
            : `${say.results[one.audit.result]} ${one.audit.text}`.trim(),
        ]),
      ),
      html`<p>${say.total(report.loadings)}</p>`,
    ],
  })
}

const words = {
  ja: {
    service: 'カードアプリケーション搭載',
    title: (year: number) => `カードアプリケーション搭載の報告 ${year}年度`,
    day: (year: number, month: number, day: number) => `報告日 ${year}年${month}月${day}日`,
    running: '(年度の途中)',
    owners: '利用者(団体・民間事業者)ごとの搭載件数と監査結果',
    owner: '名称',
    kind: '区分',
    basis: '根拠',
    application: 'アプリケーション',
    loadings: '搭載件数',
    audit: '監査結果',
    kinds: { ordinance: '条例利用', private: '民間' },
    results: { satisfied: '適合', findings: '指摘あり' },
    noAudit: '未提出',
    total: (count: number) => `搭載件数の合計 ${count}件`,
  },
  en: {
    service: 'Loading of card applications',
    title: (year: number) => `Report on the loading of card applications, year ${year}`,
    day: (year: number, month: number, day: number) => `Reported on ${year}-${month}-${day}.`,
    running: 'The year is not over.',
    owners: 'Loadings and audit of each owner',
    owner: 'Name',
    kind: 'Kind',
    basis: 'Basis',
    application: 'Application',
    loadings: 'Loadings',
    audit: 'Audit',
    kinds: { ordinance: 'by ordinance', private: 'private' },
    results: { satisfied: 'satisfied', findings: 'findings' },
    noAudit: 'not handed in',
    total: (count: number) => `${count} loadings in all`,
  },
} as const
