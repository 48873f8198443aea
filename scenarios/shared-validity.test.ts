/**
 * C15, the validity service that towns share: a kiosk centre checks cards for each town under that town's contract and on that town's
 * bill; it sees only the towns that named it, and no town sees another's.
 */
import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { authenticationMessage, composeStatement } from '@sekisho/contract/reader'
import { createSekisho } from '@sekisho/sdk'
import { keysOf } from './hand-reader.ts'

describe('the validity service that towns share', () => {
  let town: TestTown
  let centre: TestProvider
  const towns = new Map<string, TestProvider>()
  let month = ''
  before(async () => {
    town = await startTestTown()
    centre = await town.provider({ id: 'kiosk-centre' })
    for (const [id, agents, scope] of [
      ['sekisho-shi', ['kiosk-centre'], undefined],
      ['tonari-cho', ['kiosk-centre'], undefined],
      ['hoka-mura', [], undefined],
      ['semai-mura', ['kiosk-centre'], 'openid statement'],
    ] as const)
      towns.set(
        id,
        await town.provider({
          id,
          metadata: () => ({
            sekisho_agents: agents,
            ...(scope === undefined ? {} : { scope }),
          }),
        }),
      )
    month = new Date(town.clock.now() + 9 * 3600 * 1000).toISOString().slice(0, 7)
  })
  after(() => town.stop())

  /** The centre, calling for a town. */
  const centreFor = (onBehalfOf: string) =>
    createSekisho({
      issuer: town.urls.platform,
      clientId: 'kiosk-centre',
      privateKey: centre.key,
      redirectUri: 'http://kiosk-centre.localhost/callback',
      dangerAllowHttp: true,
      onBehalfOf,
      fetch: town.fetch,
    })
  /** What a card at a kiosk answers to a challenge, to be verified as a signature of its authentication key. */
  const atKiosk = async (challenge: string) => {
    await using person = await town.person('plain-adult')
    const { privateKey, certificate } = keysOf(person.card, 'authentication')
    const signed = composeStatement({
      purpose: 'login',
      origin: 'https://kiosk.example',
      challenge,
    })
    const document = authenticationMessage(signed)
    const key = { key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' } as const
    const signature = sign('rsa-sha256', document, key)
    return { document, signature, certificate, purpose: 'authentication' as const }
  }
  const yen = async (id: string): Promise<number> =>
    (await (id === 'kiosk-centre' ? centre : towns.get(id))?.sekisho.statement(month))?.totalYen ??
    -1

  it('checks for a town on that town’s bill, and on nobody else’s', async () => {
    const report = await centreFor('sekisho-shi').verify(await atKiosk('a'.repeat(43)))
    assert.deepEqual([report.verdict, report.reasons.map(one => one.code)], ['passed', []])
    assert.equal(await yen('sekisho-shi'), 2)
    await centreFor('tonari-cho').verify(await atKiosk('b'.repeat(43)))
    await centreFor('tonari-cho').verify(await atKiosk('c'.repeat(43)))
    assert.deepEqual(
      await Promise.all(['sekisho-shi', 'tonari-cho', 'hoka-mura', 'kiosk-centre'].map(yen)),
      [2, 4, 0, 0],
    )
    const statement = await centreFor('tonari-cho').statement(month)
    assert.equal(statement.provider, 'tonari-cho')
  })

  it('refuses a town that did not name the centre, an unknown one alike, and what the town itself may not', async () => {
    const answer = await atKiosk('d'.repeat(43))
    for (const [id, code] of [
      ['hoka-mura', 'agent-not-appointed'],
      ['no-such-town', 'agent-not-appointed'],
      ['semai-mura', 'scope-exceeded'],
    ] as const)
      await assert.rejects(centreFor(id).verify(answer), { code })
    // A town is no agent of the centre's or of another town's.
    const own = towns.get('sekisho-shi')
    assert.ok(own)
    const turned = createSekisho({
      issuer: town.urls.platform,
      clientId: 'sekisho-shi',
      privateKey: own.key,
      redirectUri: 'http://sekisho-shi.localhost/callback',
      dangerAllowHttp: true,
      onBehalfOf: 'tonari-cho',
      fetch: town.fetch,
    })
    await assert.rejects(turned.verify(answer), { code: 'agent-not-appointed' })
  })

  it('ends with the town’s suspension, and with the end of the appointment, at the next call', async () => {
    const answer = await atKiosk('e'.repeat(43))
    const call = () => centreFor('sekisho-shi').verify(answer)
    await town.admin('platform', 'provider-state', { id: 'sekisho-shi', state: 'suspended' })
    await assert.rejects(call(), { code: 'provider-suspended' })
    await town.admin('platform', 'provider-state', { id: 'sekisho-shi', state: 'active' })
    assert.equal((await call()).verdict, 'passed')
  })
})
