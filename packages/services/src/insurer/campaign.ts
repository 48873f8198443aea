/**
 * The yearly report 現況届 (D2, flows.md §12): who is certainly alive by the certificate is not asked; of the others each gets one notice in the P.O. box and
 * confirms with the card. Work is done in rounds that can be cut off anywhere: what was asked is asked again under the same key, and is the same.
 */
import type { ChangeAnswer, Sekisho } from '@sekisho/sdk'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import { jsonb, type Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { InsurerTables, Standing } from './table.ts'

/** What campaigns work with. */
export type CampaignWorld = {
  readonly store: Store<InsurerTables>
  readonly platform: Sekisho
  readonly clock: Clock
  readonly publicOrigin: string
}

/** Begins a campaign over every annuity that is paid. The same id again is the same campaign. */
export async function beginCampaign(
  { store, clock }: CampaignWorld,
  given: { readonly id: string; readonly until: Instant },
): Promise<void> {
  const at = clock.now()
  await store.transaction(async tx => {
    const begun = await tx
      .insertInto('campaign')
      .values({ id: given.id, begun_at: at, until: given.until, ended_at: null })
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst()
    if (begun.numInsertedOrUpdatedRows !== 1n) return
    await tx
      .insertInto('report')
      .columns(['campaign', 'annuity'])
      .expression(eb =>
        eb
          .selectFrom('annuity')
          .select(({ val, ref }) => [val(given.id).as('campaign'), ref('number').as('annuity')])
          .where('state', '=', 'paid'),
      )
      .execute()
  })
}

/** Looks at annuities that were not looked at yet, several at a time; how many. */
export async function lookRound(
  world: CampaignWorld,
  campaign: string,
  limit = 256,
): Promise<number> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('report')
      .innerJoin('annuity', 'annuity.number', 'report.annuity')
      .select(['annuity', 'subject'])
      .where('campaign', '=', campaign)
      .where('standing', 'is', null)
      .orderBy('annuity')
      .limit(limit)
      .execute(),
  )
  for (let from = 0; from < rows.length; from += atOnce)
    await Promise.all(rows.slice(from, from + atOnce).map(row => look(world, campaign, row)))
  return rows.length
}

/** Questions to the platform at a time. */
const atOnce = 16

async function look(
  world: CampaignWorld,
  campaign: string,
  row: { readonly annuity: string; readonly subject: string },
): Promise<void> {
  const answer = await world.platform.confirmChange(row.subject, 'current-status')
  const standing = standingOf(answer)
  // The notice first: a campaign that is cut off in between posts the same one again.
  if (standing === 'waiting' || standing === 'changed') await notify(world, campaign, row, standing)
  await world.store.transaction(tx =>
    tx
      .updateTable('report')
      .set({
        standing,
        noticed_at: standing === 'waiting' || standing === 'changed' ? world.clock.now() : null,
      })
      .where('campaign', '=', campaign)
      .where('annuity', '=', row.annuity)
      .where('standing', 'is', null)
      .execute(),
  )
}

/** What a change confirmation means for an annuity: only who may have died is not written to. */
function standingOf({ meaning, next }: ChangeAnswer): Standing {
  if (meaning === 'no-change') return 'confirmed'
  if (meaning === 'ask-for-update') return 'changed'
  return next.some(step => step.code === 'field-check') ? 'possibly-deceased' : 'waiting'
}

function notify(
  { platform, publicOrigin }: CampaignWorld,
  campaign: string,
  row: { readonly annuity: string; readonly subject: string },
  standing: 'waiting' | 'changed',
): Promise<unknown> {
  const asked =
    standing === 'changed'
      ? '登録されている氏名または住所が変わったようです。下の画面で現在の内容をご確認ください。'
      : '年金を引き続きお支払いするため、下の画面でマイナンバーカードを使ってご確認ください。'
  return platform.postMail(
    {
      to: { subject: row.subject },
      kind: 'request',
      subject: '年金受取人の現況届のお願い',
      body: `${asked}\n\n証券番号: ${row.annuity}\n${publicOrigin}/report`,
    },
    `report-${campaign}-${row.annuity}`,
  )
}

/** The open reports of a person, newest campaign first. */
export async function reportsOf({ store }: CampaignWorld, subject: string) {
  return store.read(db =>
    db
      .selectFrom('report')
      .innerJoin('annuity', 'annuity.number', 'report.annuity')
      .innerJoin('campaign', 'campaign.id', 'report.campaign')
      .select(['campaign', 'annuity', 'standing', 'yen_per_year', 'until', 'answered_at'])
      .where('subject', '=', subject)
      .where('ended_at', 'is', null)
      .orderBy('begun_at', 'desc')
      .orderBy('annuity')
      .execute(),
  )
}

/** The text that the person signs: what is known is filled in. */
export function reportText(given: {
  readonly campaign: string
  readonly annuity: string
  readonly yenPerYear: number
  readonly hasChanged: boolean
  readonly at: Instant
}): string {
  const day = new Intl.DateTimeFormat('ja-JP-u-ca-japanese', {
    dateStyle: 'long',
    timeZone: 'Asia/Tokyo',
  }).format(given.at)
  return `${[
    '年金受取人現況届',
    '',
    `証券番号: ${given.annuity}`,
    `年金額: 年${given.yenPerYear.toLocaleString('ja-JP')}円`,
    `届出の回: ${given.campaign}`,
    `届出日: ${day}`,
    `前回からの変更: ${given.hasChanged ? 'あります(新しい内容は、署名に用いた電子証明書のとおりです)' : 'ありません'}`,
    '',
    '私は、上の年金の受取人であり、届出日に生存していることを届け出ます。',
  ].join('\n')}\n`
}

/** What a person is on the way to sign. */
const onTheWay = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  acr: z.string(),
  transaction: z.string(),
  text: z.string(),
  hasChanged: z.boolean(),
})

/** Remembers the signing that a person has begun for a report. */
export async function rememberSigning(
  { store }: CampaignWorld,
  key: { readonly campaign: string; readonly annuity: string },
  given: { readonly signing: string; readonly pending: z.input<typeof onTheWay> },
): Promise<void> {
  await store.transaction(tx =>
    tx
      .updateTable('report')
      .set({ signing: given.signing, pending: jsonb(given.pending) })
      .where('campaign', '=', key.campaign)
      .where('annuity', '=', key.annuity)
      .where('answered_at', 'is', null)
      .execute(),
  )
}

/** What this person is on the way to sign; undefined: nothing. */
export async function signingOf(
  world: CampaignWorld,
  subject: string,
  state: string,
): Promise<z.output<typeof onTheWay> | undefined> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('report')
      .innerJoin('annuity', 'annuity.number', 'report.annuity')
      .select('pending')
      .where('subject', '=', subject)
      .where('signing', 'is not', null)
      .where('answered_at', 'is', null)
      .execute(),
  )
  return rows
    .flatMap(row => onTheWay.safeParse(row.pending).data ?? [])
    .find(each => each.state === state)
}

/** Takes a signed report; nothing happens to one that was answered. False: there is none of this signing. */
export async function takeReport(
  { store, clock }: CampaignWorld,
  given: { readonly signing: string; readonly receipt: string; readonly hasChanged: boolean },
): Promise<boolean> {
  const done = await store.transaction(tx =>
    tx
      .updateTable('report')
      .set({
        standing: given.hasChanged ? 'changed' : 'unchanged',
        answered_at: clock.now(),
        receipt: given.receipt,
        pending: null,
      })
      .where('signing', '=', given.signing)
      .where('answered_at', 'is', null)
      .executeTakeFirst(),
  )
  return done.numUpdatedRows > 0n
}

/** How many annuities stand how. */
export async function countsOf(
  { store }: CampaignWorld,
  campaign: string,
): Promise<ReadonlyMap<Standing | 'unseen', number>> {
  const rows = await store.read(db =>
    db
      .selectFrom('report')
      .select(({ fn }) => ['standing', fn.countAll<number>().as('count')])
      .where('campaign', '=', campaign)
      .groupBy('standing')
      .execute(),
  )
  return new Map(rows.map(row => [row.standing ?? 'unseen', row.count]))
}

/** Annuities of one standing, a hundred after a number. */
export async function listOf(
  { store }: CampaignWorld,
  campaign: string,
  standing: Standing,
  after: string,
): Promise<readonly { readonly annuity: string; readonly answeredAt: Instant | null }[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('report')
      .select(['annuity', 'answered_at'])
      .where('campaign', '=', campaign)
      .where('standing', '=', standing)
      .where('annuity', '>', after)
      .orderBy('annuity')
      .limit(100)
      .execute(),
  )
  return rows.map(row => ({ annuity: row.annuity, answeredAt: row.answered_at }))
}
