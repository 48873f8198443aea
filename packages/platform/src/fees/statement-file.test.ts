/** Statements as files, judged by poppler and qpdf. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { FeeStatement } from '@sekisho/contract'
import { statementCsv } from './statement-csv.ts'
import { statementPdf } from './statement-pdf.ts'
import { openTypeface, type Typeface } from '../paper/typeface.ts'

const line = {
  kind: 'signature-check',
  method: 'crl',
  purpose: 'transaction',
  basis: 'charged',
  count: 1_234_567,
  unitYen: 20,
  discountPercent: 10,
  reductionPercent: 33,
  feeYen: 14_888_878,
} as const
const statement: FeeStatement = {
  month: '2030-04',
  provider: 'shop',
  tariff: 'ministry-list',
  state: 'final',
  version: 2,
  lines: [
    line,
    { ...line, kind: 'authentication-check', purpose: 'current-status', feeYen: 1_234_567_890 },
    { ...line, purpose: 'current-status', basis: 'counted-before', feeYen: 0 },
  ],
  own: [{ item: 'month', count: 1, unitYen: 5000, feeYen: 5000 }],
  feesYen: 14_888_878,
  ownYen: 5000,
  totalYen: 14_893_878,
}
const given = {
  providerName: '株式会社髙﨑商店',
  issuer: 'https://platform.example',
  at: Date.UTC(2030, 4, 1),
}

describe('a statement as a table', () => {
  const text = (name: string) =>
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(statementCsv(statement, name))

  it('is UTF-8 with its mark, CRLF, every row of the same width', () => {
    const csv = text('店')
    assert.ok(csv.startsWith('\u{feff}"対象月","提供者ID"'))
    const rows = csv.split('\r\n')
    assert.equal(rows.pop(), '')
    assert.equal(rows.length, 6)
    for (const row of rows) assert.equal(row.split(',').length, 14, row)
    assert.ok(!csv.replaceAll('\r\n', '').includes('\n'))
    assert.ok(rows[1]?.endsWith(',1234567,20,10,33,14888878'))
    assert.ok(rows.at(-1)?.endsWith(',14893878'))
  })

  it('quotes what would end a cell', () => {
    assert.ok(text('a "b", c').includes('"a ""b"", c"'))
  })

  it('no text is a formula to a spreadsheet', () => {
    for (const hostile of [
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      '＝cmd',
      '＋1',
      '－1',
      '＠x',
      ' =1',
      '\u{200b}=1',
      '\u{feff}=1',
      '\t=1',
    ]) {
      const csv = text(hostile)
      assert.ok(csv.includes(`"'${hostile}"`), hostile)
      assert.ok(!csv.includes(`"${hostile}"`), hostile)
    }
    assert.ok(text('A=1').includes('"A=1"'))
  })
})

describe('a statement on paper', () => {
  let folder: string
  let typeface: Typeface
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sekisho-statement-'))
    typeface = await openTypeface()
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { encoding: 'utf8' })
  const put = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    return path
  }

  it('qpdf finds no fault, the typeface is embedded, and the text can be taken out again', async () => {
    const path = put('one.pdf', await statementPdf(typeface, statement, given))
    assert.match(run('qpdf', '--check', path), /No syntax or stream encoding errors/)
    const fonts = run('pdffonts', path)
      .split('\n')
      .slice(2)
      .filter(one => one !== '')
    assert.ok(fonts.length >= 2)
    for (const font of fonts) assert.match(font, /Kosugi.*TrueType.*Identity-H\s+yes yes yes/)
    const text = run('pdftotext', '-layout', path, '-')
    for (const wanted of [
      '利用料金明細書 2030年4月分',
      '株式会社髙﨑商店 御中',
      '訂正（第2版）',
      '署名用証明書の有効性確認（現況確認）',
      '年1回の計数済み',
      '1,234,567',
      '14,888,878',
      '10%',
      '33%',
      '基本料（月額）',
      '14,893,878 円',
      '作成 2030年5月1日',
    ])
      assert.ok(text.includes(wanted), `${wanted} in\n${text}`)
    const info = run('pdfinfo', path)
    assert.match(info, /Title:\s+利用料金明細書 2030年4月分/)
    assert.match(info, /Pages:\s+1\n/)
    assert.match(info, /Page size:\s+595.28 x 841.89 pts \(A4\)/)
  })

  it('a character that the typeface lacks is 〓, never nothing', async () => {
    const odd = { ...given, providerName: '𠮷野\u{e000}屋' }
    const path = put('odd.pdf', await statementPdf(typeface, statement, odd))
    assert.ok(run('pdftotext', path, '-').includes('〓野〓屋'))
  })

  it('a long name is written on several lines, whole', async () => {
    const providerName = '長'.repeat(100)
    const path = put(
      'name.pdf',
      await statementPdf(typeface, statement, { ...given, providerName }),
    )
    assert.equal(run('pdftotext', path, '-').split('長').length - 1, 100)
  })

  it('many lines go on over pages, each with its heading and number', async () => {
    const lines = Array.from({ length: 90 }, (_, count) => ({ ...line, count: 70_000 + count }))
    const path = put('long.pdf', await statementPdf(typeface, { ...statement, lines }, given))
    const text = run('pdftotext', '-layout', path, '-')
    for (const { count } of lines) assert.ok(text.includes(count.toLocaleString('en-US')))
    const pages = Number(/Pages:\s+(\d+)/.exec(run('pdfinfo', path))?.[1])
    assert.equal(pages, 3)
    assert.equal(text.split('金額（円）').length - 1, pages)
    assert.ok(text.includes('3 / 3'))
    assert.match(run('qpdf', '--check', path), /No syntax/)
  })

  it('nothing but what is on the statement is in the file', async () => {
    const bytes = await statementPdf(typeface, statement, given)
    const raw = Buffer.from(bytes).toString('latin1')
    for (const leak of ['/tmp', '/home', 'node_modules']) assert.ok(!raw.includes(leak))
  })
})
