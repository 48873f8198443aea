/**
 * A statement as a table for spreadsheets (C7): RFC 4180 with CRLF, in UTF-8 with the byte order mark without which Excel reads Japanese as
 * another encoding. A cell of text that a spreadsheet would take for a formula begins with an apostrophe.
 */
import type { FeeStatement } from '@sekisho/contract'
import { linesInWords, stateInWords } from './statement-text.ts'

/** The statement of a provider of this name, one row a line and one for the total. */
export function statementCsv(statement: FeeStatement, providerName: string): Uint8Array {
  const common = [
    statement.month,
    statement.provider,
    providerName,
    stateInWords(statement),
    statement.tariff,
  ]
  const lines = linesInWords(statement).map(line => [
    ...common,
    line.payee,
    line.item,
    line.method,
    line.basis,
    line.count,
    line.unitYen,
    line.discountPercent,
    line.reductionPercent,
    line.feeYen,
  ])
  const total = [...common, '合計', '', '', '', '', '', '', '', statement.totalYen]
  const rows = [header, ...lines, total].map(row => `${row.map(cell).join(',')}\r\n`)
  return new TextEncoder().encode(`\u{feff}${rows.join('')}`)
}

const header = [
  '対象月',
  '提供者ID',
  '提供者名',
  '状態',
  '料金表',
  '請求区分',
  '項目',
  '方法',
  '扱い',
  '件数',
  '単価（円）',
  '割引（％）',
  '減免（％）',
  '金額（円）',
]

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  return `"${(formula.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`
}

/** What spreadsheets take for the beginning of a formula, full width included, and what they skip before it. */
const formula = /^[\s\p{C}]*[=+\-@＝＋－＠]/u
