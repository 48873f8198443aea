/** What a statement says in Japanese, for who opens it as a table or on paper (C7). */
import type { FeeLine, FeeStatement, OwnLine } from '@sekisho/contract'

/** One line of a statement in words; amounts stay numbers. */
export type LineInWords = {
  readonly payee: string
  readonly item: string
  readonly method: string
  readonly basis: string
  readonly count: number
  readonly unitYen: number
  readonly discountPercent: number
  readonly reductionPercent: number
  readonly feeYen: number
}

/** All lines in words: the authority's fees, then the platform's own charge. */
export function linesInWords({ lines, own }: FeeStatement): readonly LineInWords[] {
  return [...lines.map(feeInWords), ...own.map(ownInWords)]
}

/** Whether the amounts may still change, and which version this is: 確定, 訂正第2版, 速報. */
export function stateInWords({ state, version }: FeeStatement): string {
  if (state === 'running') return '速報（月の途中）'
  return version === 1 ? '確定' : `訂正（第${version}版）`
}

/** `2030-04` as 2030年4月. */
export function monthInWords(month: string): string {
  const [year, ordinal] = month.split('-').map(Number)
  return `${year}年${ordinal}月`
}

function feeInWords(line: FeeLine): LineInWords {
  const { count, unitYen, discountPercent, reductionPercent, feeYen } = line
  const purpose = line.purpose === 'current-status' ? '（現況確認）' : ''
  return {
    payee: '認証局手数料',
    item: `${kinds[line.kind]}${purpose}`,
    method: methods[line.method],
    basis: bases[line.basis],
    count,
    unitYen,
    discountPercent,
    reductionPercent,
    feeYen,
  }
}

function ownInWords({ item, count, unitYen, feeYen }: OwnLine): LineInWords {
  return {
    payee: '基盤利用料',
    item: item === 'month' ? '基本料（月額）' : '従量料',
    method: '－',
    basis: '課金',
    count,
    unitYen,
    discountPercent: 0,
    reductionPercent: 0,
    feeYen,
  }
}

const kinds: Readonly<Record<FeeLine['kind'], string>> = {
  'signature-check': '署名用証明書の有効性確認',
  'authentication-check': '利用者証明用証明書の有効性確認',
  'corresponding-serial': '対応証明書の発行番号の提供',
}

const methods: Readonly<Record<FeeLine['method'], string>> = {
  crl: '失効リスト',
  ocsp: '即時照会',
  query: '照会',
}

const bases: Readonly<Record<FeeLine['basis'], string>> = {
  charged: '課金',
  waived: '免除',
  'counted-before': '年1回の計数済み',
}
