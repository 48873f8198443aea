import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { checkCredential } from '@sekisho/card'
import { issueTerminalCertificate } from '@sekisho/card/issue'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { pinlessStanding } from '@sekisho/contract/authority'
import { poolCurveKey, poolKey } from '@sekisho/pki/issue'
import { fixedClock, type FixedClock } from '@sekisho/runtime/clock'
import {
  connectPostgres,
  type Engine,
  openEmbedded,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from '@sekisho/runtime/store'
import { noon } from '../world-for-tests.ts'
import {
  certifyOrganisation,
  enterTerminal,
  listOrganisations,
  type PinlessWorld,
  readStanding,
  registerOrganisation,
  withdrawPinless,
} from './office.ts'
import { openPinlessWorld } from './program.ts'
import { presentPinless } from './rules.ts'

const refused = (code: RefusalCode) => (fault: unknown) =>
  fault instanceof Refusal && fault.code === code
const day = 86_400_000

for (const kind of ['embedded', 'postgres'] as const)
  describe(`the PIN-less office on the ${kind} engine`, () => {
    let engine: Engine
    let server: TemporaryPostgres | undefined
    let clock: FixedClock
    let world: PinlessWorld

    before(async () => {
      server = kind === 'postgres' ? await startTemporaryPostgres({ durable: false }) : undefined
      engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
      clock = fixedClock(noon(2026, 11, 20))
      world = await openPinlessWorld({ engine, clock, rules: presentPinless })
    })
    after(async () => {
      await engine.close()
      await server?.stop()
    })

    const register = (name: string) =>
      registerOrganisation(world, { name, unit: '', spki: poolKey(30).spki })
    /** What the organisation does with its own key. */
    const terminalOf = (
      organisationCertificate: Uint8Array,
      given: { readonly number?: string; readonly from?: string; readonly until?: string } = {},
    ) =>
      issueTerminalCertificate(
        {
          number: given.number ?? 'GATE1',
          spki: poolKey(31).spki,
          from: given.from ?? '20261120',
          until: given.until ?? '20261126',
        },
        {
          certificate: organisationCertificate,
          sign: message => poolKey(30).sign('rsa-sha256', message),
        },
      )

    it('an organisation gets a code and a certificate that a card’s terminal can use, for 92 days', async () => {
      const { code, privateKey } = await register('試験競技場')
      assert.match(code, /^92\d{5}$/)
      assert.equal(privateKey, undefined)
      const { certificate, until } = await certifyOrganisation(world, code)
      assert.equal(until, '20270219')
      assert.deepEqual(
        (await certifyOrganisation(world, code)).certificate,
        certificate,
        'the same day, the same certificate',
      )
      const terminal = terminalOf(certificate)
      const credential = { organisationCertificate: certificate, terminalCertificate: terminal }
      assert.equal(checkCredential(credential, '20261120').kind, 'done')
      assert.deepEqual(await enterTerminal(world, code, terminal), {
        number: 'GATE1',
        until: '20261126',
      })
      await enterTerminal(world, code, terminal)
      const standing = pinlessStanding.parse(await readStanding(world))
      const found = standing.organisations.find(one => one.code === code)
      assert.deepEqual(found, {
        code,
        until: '20270219',
        withdrawnAt: null,
        terminals: [{ number: 'GATE1', until: '20261126', withdrawnAt: null }],
      })
    })

    it('the same name is registered once, also when it comes twice at a time', async () => {
      const both = await Promise.allSettled([register('二重機関'), register('二重機関')])
      assert.deepEqual(both.map(one => one.status).toSorted(), ['fulfilled', 'rejected'])
      await assert.rejects(register('二重機関'), refused('organisation-registered'))
    })

    it('refuses a key that cards cannot take, and units and keys that the policy does not have', async () => {
      const wanted = { name: '別の機関', unit: '', spki: poolKey(30).spki }
      for (const wrong of [
        { ...wanted, spki: poolCurveKey(0).spki },
        { ...wanted, spki: Uint8Array.of(1, 2, 3) },
        { ...wanted, spki: undefined },
        { ...wanted, unit: '東口' },
      ])
        await assert.rejects(registerOrganisation(world, wrong), refused('request-malformed'))
    })

    it('a terminal’s certificate is entered only under its own organisation’s newest one, for no more days', async () => {
      const { code } = await register('届出機関')
      const other = await register('よその機関')
      const { certificate } = await certifyOrganisation(world, code)
      const foreign = await certifyOrganisation(world, other.code)
      const unfit = refused('terminal-certificate-unfit')
      await assert.rejects(enterTerminal(world, code, terminalOf(foreign.certificate)), unfit)
      await assert.rejects(enterTerminal(world, code, certificate), unfit)
      await assert.rejects(enterTerminal(world, code, new Uint8Array(600)), unfit)
      const strict = { ...world, rules: { ...presentPinless, terminalDays: 3 } }
      await assert.rejects(enterTerminal(strict, code, terminalOf(certificate)), unfit)
      await enterTerminal(strict, code, terminalOf(certificate, { until: '20261122' }))
      const altered = terminalOf(certificate)
      altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
      await assert.rejects(enterTerminal(world, code, altered), unfit)
      await assert.rejects(
        enterTerminal(world, '9999999', terminalOf(certificate)),
        refused('organisation-unregistered'),
      )
    })

    it('who is withdrawn gets no new certificate and stands as withdrawn; the name can be registered anew', async () => {
      const { code } = await register('取消機関')
      const { certificate } = await certifyOrganisation(world, code)
      await enterTerminal(world, code, terminalOf(certificate))
      const withdrawal = { code, number: 'GATE1', why: '紛失' }
      await withdrawPinless(world, withdrawal)
      await assert.rejects(
        enterTerminal(world, code, terminalOf(certificate, { until: '20261125' })),
        refused('terminal-withdrawn'),
      )
      await assert.rejects(
        withdrawPinless(world, { ...withdrawal, number: 'GATE2' }),
        refused('terminal-unregistered'),
      )
      await withdrawPinless(world, { code, number: undefined, why: '契約の終了' })
      const at = clock.now()
      clock.turnTo(at + day)
      await withdrawPinless(world, { code, number: undefined, why: '再度' })
      await assert.rejects(certifyOrganisation(world, code), refused('organisation-withdrawn'))
      await assert.rejects(
        enterTerminal(world, code, terminalOf(certificate)),
        refused('organisation-withdrawn'),
      )
      const { organisations } = await readStanding(world)
      const stands = organisations.find(one => one.code === code)
      assert.equal(stands?.withdrawnAt, new Date(at).toISOString(), 'the first withdrawal counts')
      assert.ok(stands.terminals[0]?.withdrawnAt)
      assert.notEqual((await register('取消機関')).code, code)
      assert.equal(
        (await listOrganisations(world)).find(one => one.code === code)?.why,
        '契約の終了',
      )
    })

    it('codes for terminals and keys made by the authority are policy data', async () => {
      const policy = {
        ...world,
        rules: { ...presentPinless, codesFor: 'terminal', keysMadeBy: 'authority' } as const,
        organisationKey: () => {
          const { pkcs8, spki } = poolKey(30)
          return Promise.resolve({ pkcs8, spki })
        },
      }
      const { code, privateKey } = await registerOrganisation(policy, {
        name: '病院',
        unit: '受付1',
        spki: undefined,
      })
      assert.ok(privateKey)
      const { certificate } = await certifyOrganisation(policy, code)
      const from = { from: '20261121', until: '20261122' }
      await enterTerminal(policy, code, terminalOf(certificate, { number: 'A', ...from }))
      await assert.rejects(
        enterTerminal(policy, code, terminalOf(certificate, { number: 'B', ...from })),
        refused('terminal-certificate-unfit'),
      )
    })
  })
