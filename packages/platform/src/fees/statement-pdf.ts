/** A statement on paper (C7): A4, in Japanese, with the typeface embedded, so that it is shown alike everywhere. */
import type { FeeStatement } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { linesInWords, monthInWords, stateInWords } from './statement-text.ts'
import {
  beginPaper,
  paperLowest as lowest,
  paperMargin as margin,
  type Pen,
} from '../paper/paper.ts'
import type { Typeface } from '../paper/typeface.ts'

/** Prints a statement. The same statement, name and time are the same pages. */
export async function statementPdf(
  typeface: Typeface,
  statement: FeeStatement,
  given: { readonly providerName: string; readonly issuer: string; readonly at: Instant },
): Promise<Uint8Array> {
  const title = `利用料金明細書 ${monthInWords(statement.month)}分`
  const { pen, finish } = beginPaper(typeface, { title, author: given.issuer, at: given.at })
  await head(pen, title, statement, given)
  await table(pen, statement)
  await foot(pen, statement)
  return finish()
}

async function head(
  pen: Pen,
  title: string,
  statement: FeeStatement,
  given: { readonly providerName: string; readonly issuer: string; readonly at: Instant },
): Promise<void> {
  const { year, month, day } = dateInJapan(given.at)
  await pen.write(title, { x: margin, y: 50, size: 16 })
  const name = `${given.providerName} 御中`.match(/.{1,28}/gsu) ?? []
  for (const [row, text] of name.entries())
    await pen.write(text, { x: margin, y: 84 + row * 16, size: 12 })
  const facts = [
    `提供者ID ${statement.provider}`,
    `状態 ${stateInWords(statement)}`,
    `料金表 ${statement.tariff}`,
    `作成 ${year}年${month}月${day}日`,
    `発行 ${given.issuer}`,
  ]
  for (const [row, fact] of facts.entries())
    await pen.write(fact, { x: margin, y: 90 + name.length * 16 + row * 14, size: 9 })
  await pen.write(`合計 ${yen(statement.totalYen)}`, {
    x: margin,
    y: 84,
    size: 14,
    rightOf: tableWidth,
  })
}

async function table(pen: Pen, statement: FeeStatement): Promise<void> {
  const { document } = pen
  let y = 230
  const row = async (cells: readonly string[]): Promise<void> => {
    let x = margin
    for (const [position, column] of columns.entries()) {
      const at = { x: x + 2, y, size: 7 }
      const cell = cells[position] ?? ''
      await pen.write(cell, column.isNumber ? { ...at, rightOf: column.width - 4 } : at)
      x += column.width
    }
    document
      .moveTo(margin, y + 13)
      .lineTo(margin + tableWidth, y + 13)
      .lineWidth(0.5)
      .stroke('#999999')
    y += 18
  }
  const heading = (): Promise<void> => row(columns.map(column => column.title))
  await heading()
  for (const line of linesInWords(statement)) {
    if (y > lowest) {
      document.addPage()
      y = 50
      await heading()
    }
    await row([
      line.payee,
      line.item,
      line.method,
      line.basis,
      line.count.toLocaleString('en-US'),
      line.unitYen.toLocaleString('en-US'),
      percent(line.discountPercent),
      percent(line.reductionPercent),
      line.feeYen.toLocaleString('en-US'),
    ])
  }
  document.y = y
}

async function foot(pen: Pen, statement: FeeStatement): Promise<void> {
  const { document } = pen
  let y = document.y + 10
  const lines = [
    `認証局手数料 計 ${yen(statement.feesYen)}`,
    `基盤利用料 計 ${yen(statement.ownYen)}`,
    '',
    '金額は円未満を明細の行ごとに切り捨てています。月の区切りは日本時間です。',
    '割引は件数による割引、減免は公益性などによる減免で、割引の後の額に適用します。',
  ]
  if (y + lines.length * 14 > lowest + 40) {
    document.addPage()
    y = 50
  }
  for (const line of lines) {
    await pen.write(line, { x: margin, y, size: 9 })
    y += 14
  }
}

function percent(cut: number): string {
  return cut === 0 ? '－' : `${cut}%`
}

function yen(amount: number): string {
  return `${amount.toLocaleString('en-US')} 円`
}

const columns = [
  { title: '請求区分', width: 48, isNumber: false },
  { title: '項目', width: 154, isNumber: false },
  { title: '方法', width: 42, isNumber: false },
  { title: '扱い', width: 60, isNumber: false },
  { title: '件数', width: 54, isNumber: true },
  { title: '単価', width: 32, isNumber: true },
  { title: '割引', width: 30, isNumber: true },
  { title: '減免', width: 30, isNumber: true },
  { title: '金額（円）', width: 61, isNumber: true },
] as const
const tableWidth = columns.reduce((sum, column) => sum + column.width, 0)
