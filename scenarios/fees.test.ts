/** C7 in the town: what a provider did is on its statement, in every form, and nobody else's. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { feeForecast, feeStatement } from '@sekisho/contract'

describe('fees', () => {
  let town: TestTown
  let pension: TestProvider
  let month = ''
  let subject = ''
  const tokens = new Map<string, string>()
  const watched =
    (id: string) =>
    (inner: typeof fetch): typeof fetch =>
    async (input, init) => {
      const given = new Headers(init?.headers).get('authorization')
      if (given?.startsWith('Bearer ') === true) tokens.set(id, given)
      return inner(input, init)
    }
  before(async () => {
    town = await startTestTown()
    const id = 'pension'
    pension = await town.provider({ id, fetch: watched(id), isCurrentStatusGranted: true })
    const { url, pending } = await pension.sekisho.beginIdentify(['name'])
    await using person = await town.person('plain-adult')
    subject = (await pension.sekisho.finish((await person.visit(url)).url, pending)).subject
    month = new Date(town.clock.now() + 9 * 3600 * 1000).toISOString().slice(0, 7)
  })
  after(() => town.stop())

  const get = async (path: string, id = 'pension'): Promise<Response> => {
    const headers = { authorization: tokens.get(id) ?? '' }
    return town.fetch(`${town.urls.platform}${path}`, { headers })
  }

  it('a current-status check is another purpose, on a line of its own, and repeating it costs nothing', async () => {
    const yen = async () => (await pension.sekisho.statement(month)).totalYen
    const begun = await yen()
    await pension.sekisho.confirmChange(subject, 'current-status')
    assert.equal((await yen()) - begun, 22)
    await pension.sekisho.confirmChange(subject, 'current-status')
    assert.equal((await yen()) - begun, 22)
    await pension.sekisho.confirmChange(subject)
    assert.equal((await yen()) - begun, 44)
    const lines = (await pension.sekisho.statement(month)).lines.map(one => one.purpose)
    assert.ok(lines.includes('current-status'))
  })

  it('whoever was not granted that is refused', async () => {
    const shop = await town.provider({ id: 'shop', fetch: watched('shop') })
    await assert.rejects(shop.sekisho.confirmChange(subject, 'current-status'), {
      code: 'scope-exceeded',
    })
  })

  it('the statement as JSON, as a table and on paper says the same, and names nobody', async () => {
    const statement = feeStatement.parse(await (await get(`/v1/statements/${month}`)).json())
    const csv = await get(`/v1/statements/${month}/csv`)
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv; charset=utf-8/)
    const table = new TextDecoder('utf-8', { ignoreBOM: true }).decode(await csv.arrayBuffer())
    assert.ok(table.startsWith('\u{feff}'))
    assert.ok(table.endsWith(`,${statement.totalYen}\r\n`))
    const pdf = await get(`/v1/statements/${month}/pdf`)
    assert.equal(pdf.headers.get('content-type'), 'application/pdf')
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-fees-'))
    const path = join(folder, 'statement.pdf')
    writeFileSync(path, new Uint8Array(await pdf.arrayBuffer()))
    const text = execFileSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    assert.ok(text.includes(`${statement.totalYen.toLocaleString('en-US')} 円`))
    assert.ok(text.includes('試験 pension 御中'))
    for (const told of [JSON.stringify(statement), table, text]) assert.ok(!told.includes(subject))
  })

  it('needs the scope, and a month that is one', async () => {
    for (const form of ['', '/csv', '/pdf']) {
      assert.equal((await get(`/v1/statements/${month}${form}`, 'nobody')).status, 401)
      assert.equal((await get(`/v1/statements/2030-13${form}`)).status, 400)
    }
    assert.equal((await get('/v1/forecast', 'nobody')).status, 401)
  })

  it('forecasts the month, and advises nothing that is not open', async () => {
    const forecast = feeForecast.parse(await (await get('/v1/forecast')).json())
    assert.ok(forecast.usedYen <= forecast.expectedYen)
    assert.deepEqual(
      forecast.options.map(one => [one.method, one.isAllowed]),
      [
        ['crl', true],
        ['ocsp', false],
        ['current-status', true],
      ],
    )
  })
})
