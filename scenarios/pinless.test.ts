/**
 * A10, B12: authentication without PIN through the real town. An organisation registers at the office with the command line, gets its
 * certificate, certifies a gate; cards of the town answer the gate without PIN; the platform judges the answers for the
 * organisation's service, and every way to cheat is refused.
 */
import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { authenticatePinless, type Card, type TerminalCredential } from '@sekisho/card'
import { issueTerminalCertificate } from '@sekisho/card/issue'
import { type CardState, createVirtualCard } from '@sekisho/card/virtual'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { dateInJapan } from '@sekisho/contract/japan'
import { poolKey } from '@sekisho/pki/issue'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { loadOrCreateKey } from '@sekisho/runtime/keys'
import { systemRandom } from '@sekisho/runtime/random'
import { SekishoError } from '@sekisho/sdk'
import { z } from 'zod'
import { commands } from './command.ts'
import { type Alter, altering, codeOn } from './hand-reader.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const answerForm = z.object({
  challenge: z.base64(),
  organisation: z.string(),
  terminal: z.string(),
  signature: z.base64(),
  certificate: z.base64(),
})
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
    return 'none'
  } catch (fault) {
    if (fault instanceof SekishoError) return fault.code
    throw fault
  }
}

describe('authentication without PIN through the town', () => {
  let folder: TemporaryFolder
  let town: TestTown
  let stadium: TestProvider
  let sekisho: ReturnType<typeof commands>
  let place = ''
  let code = ''
  before(async () => {
    folder = await temporaryFolder('pinless')
    town = await startTestTown()
    stadium = await town.provider({ id: 'stadium', scope: 'openid verify statement' })
    sekisho = commands(join(folder.path, 'cache'))
    place = join(folder.path, 'stadium')
    await run('register', '試験競技場', '--to', place)
    await run('certify', place)
    await run('terminal', place, 'GATE1')
    code = z
      .object({ code: z.string() })
      .parse(JSON.parse(await readFile(join(place, 'organisation.json'), 'utf8'))).code
  })
  after(async () => {
    await town.stop()
    await folder.remove()
  })

  const run = (...args: readonly string[]): Promise<string> =>
    sekisho.done(['pinless', ...args, '--data', town.layout.folder])
  const today = (): string => {
    const { year, month, day } = dateInJapan(town.clock.now())
    return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
  }
  const credential = async (number = 'GATE1'): Promise<TerminalCredential> => {
    const file = `terminal-${Buffer.from(number).toString('hex')}`
    const key = await loadOrCreateKey(place, file, 'rsa-2048')
    return {
      organisationCertificate: new Uint8Array(await readFile(join(place, 'organisation.cv'))),
      terminalCertificate: new Uint8Array(await readFile(join(place, `${file}.cv`))),
      sign: message => new Uint8Array(sign('sha256', message, key.privateKey)),
    }
  }
  const powered = (state: CardState): Card => {
    const random = systemRandom()
    return createVirtualCard(state, {
      onChange: () => undefined,
      random: size => random.bytes(size),
    })
  }
  const stateOf = async (persona: string): Promise<CardState> => {
    const held = await town.takeCard(persona)
    await held.release()
    return held.state()
  }
  /** A card answers a challenge at the gate; the answer goes to the platform. */
  const tap = async (card: Card, number = 'GATE1') => {
    const challenge = await stadium.sekisho.pinlessChallenge()
    const answer = await authenticatePinless(card, await credential(number), {
      challenge,
      today: today(),
    })
    if (answer.kind === 'refused') return { challenge, refused: answer.reason }
    const { organisation, signature, certificate } = answer.value
    return { challenge, organisation, terminal: number, signature, certificate }
  }
  const judged = async (given: Awaited<ReturnType<typeof tap>>) => {
    if ('refused' in given) return assert.fail(given.refused)
    return stadium.sekisho.verifyPinless(given)
  }

  it('a card answers the gate; the platform knows the terminal and tells who it is only to whom they are known', async () => {
    const challenge = await stadium.sekisho.pinlessChallenge()
    const base64 = Buffer.from(challenge).toString('base64')
    const asked = await run('ask', place, 'GATE1', '--card', 'plain-adult', '--challenge', base64)
    const answer = answerForm.parse(JSON.parse(asked))
    const report = await stadium.sekisho.verifyPinless({
      ...answer,
      challenge,
      signature: bytes(answer.signature),
      certificate: bytes(answer.certificate),
    })
    assert.deepEqual(
      [report.verdict, report.assurance, report.subject],
      ['passed', 'card-without-pin', null],
    )
    const { url, pending } = await stadium.sekisho.beginLogin()
    await using person = await town.person('plain-adult')
    const { claims } = await stadium.sekisho.finish((await person.visit(url)).url, pending)
    const again = await judged(await tap(person.card.card))
    assert.equal(again.subject, claims.sub)
    const { totalYen } = await stadium.sekisho.statement(
      `${today().slice(0, 4)}-${today().slice(4, 6)}`,
    )
    assert.equal(totalYen, 3 * 2, 'two answers and a login')
  })

  it('a challenge serves once', async () => {
    const answer = await tap(powered(await stateOf('plain-adult')))
    if ('refused' in answer) return assert.fail(answer.refused)
    assert.equal((await stadium.sekisho.verifyPinless(answer)).verdict, 'passed')
    assert.equal(await codeOf(stadium.sekisho.verifyPinless(answer)), 'challenge-unknown')
  })

  it('an answer without PIN opens no account, and a login is no answer without PIN', async () => {
    // A hostile gate begins a login and has the card answer the login's own challenge.
    const card = powered(await stateOf('plain-adult'))
    for (const [sent, expected] of [
      ['reader', 'signature-invalid'],
      ['card', 'ceremony-malformed'],
    ] as const) {
      const alter: Alter = async ({ request, answer }) => {
        const challenge = new Uint8Array(Buffer.from(request.challenge ?? '', 'base64url'))
        const found = await authenticatePinless(card, await credential(), {
          challenge,
          today: today(),
        })
        if (found.kind === 'refused') return assert.fail(found.reason)
        const { signature, statement } = found.value
        const signed =
          sent === 'card' ? { signed: Buffer.from(statement).toString('base64url') } : {}
        return { ...answer, ...signed, signature: Buffer.from(signature).toString('base64url') }
      }
      await using person = await town.person('plain-adult', { fetch: altering(town.fetch, alter) })
      const { url } = await stadium.sekisho.beginLogin()
      assert.equal(codeOn(await person.visit(url)), expected)
    }
    // And the other way: what the card signs for a login, with PIN.
    let login: Readonly<Record<string, unknown>> = {}
    const keep: Alter = ({ answer }) => {
      login = answer
      return undefined
    }
    await using person = await town.person('plain-adult', { fetch: altering(town.fetch, keep) })
    const { url } = await stadium.sekisho.beginLogin()
    await person.visit(url)
    const posted = z.object({ signature: z.string(), certificate: z.string() }).parse(login)
    const report = await stadium.sekisho.verifyPinless({
      challenge: await stadium.sekisho.pinlessChallenge(),
      organisation: code,
      terminal: 'GATE1',
      signature: new Uint8Array(Buffer.from(posted.signature, 'base64url')),
      certificate: new Uint8Array(Buffer.from(posted.certificate, 'base64url')),
    })
    assert.deepEqual(
      [report.verdict, report.reasons.map(one => one.code)],
      ['failed', ['signature-bad']],
    )
  })

  it('a copy that has the certificate and another key is found out by the terminal, and by the platform', async () => {
    const state = await stateOf('plain-adult')
    const copy: CardState = {
      ...state,
      authentication: {
        ...state.authentication,
        privateKey: Buffer.from(poolKey(200).pkcs8).toString('base64'),
      },
    }
    const found = await tap(powered(copy))
    assert.equal('refused' in found && found.refused, 'card-cloned')
    const honest = await tap(powered(state))
    if ('refused' in honest) return assert.fail(honest.refused)
    const forged = { ...honest, signature: poolKey(200).sign('rsa-sha256', honest.challenge) }
    const report = await judged(forged)
    assert.deepEqual(
      [report.verdict, report.reasons.map(one => one.code)],
      ['failed', ['signature-bad']],
    )
  })

  it('who demands the PIN always gives no answer', async () => {
    const found = await tap(powered(await stateOf('pin-always')))
    assert.equal('refused' in found && found.refused, 'pin-demanded')
  })

  it('a card that knows a later day refuses the organisation’s old certificate', async () => {
    const state = await stateOf('plain-adult')
    assert.ok(state.trust)
    const later = powered({ ...state, trust: { ...state.trust, date: '20991231' } })
    const found = await tap(later)
    assert.equal('refused' in found && found.refused, 'terminal-expired')
  })

  it('a card reported lost fails by the lists', async () => {
    const answer = powered(await stateOf('plain-adult'))
    await town.happen('plain-adult', { what: 'lost' })
    const report = await judged(await tap(answer))
    assert.deepEqual(
      report.reasons.map(one => one.code),
      ['certificate-held'],
    )
    await town.happen('plain-adult', { what: 'found' })
  })

  it('a terminal past its week is refused by itself and by the platform, and entered anew goes on', async () => {
    const card = powered(await stateOf('plain-adult'))
    const early = await tap(card)
    if ('refused' in early) return assert.fail(early.refused)
    await town.clock.advance(8 * dayMs)
    await town.settle()
    const late = await tap(card)
    assert.equal('refused' in late && late.refused, 'terminal-expired')
    const challenge = await stadium.sekisho.pinlessChallenge()
    const expired = stadium.sekisho.verifyPinless({ ...early, challenge })
    assert.equal(await codeOf(expired), 'terminal-expired')
    await run('certify', place)
    await run('terminal', place, 'GATE1')
    await town.clock.advance(16 * minuteMs)
    assert.equal((await judged(await tap(card))).verdict, 'passed')
  })

  it('a terminal that its organisation certified behind the office’s back is not registered', async () => {
    const key = await loadOrCreateKey(place, 'organisation', 'rsa-2048')
    const given = await credential()
    const certificate = issueTerminalCertificate(
      { number: 'GATE7', spki: poolKey(201).spki, from: today(), until: today() },
      {
        certificate: given.organisationCertificate,
        sign: message => new Uint8Array(sign('sha256', message, key.privateKey)),
      },
    )
    const challenge = await stadium.sekisho.pinlessChallenge()
    const answer = await authenticatePinless(
      powered(await stateOf('plain-adult')),
      {
        ...given,
        terminalCertificate: certificate,
        sign: message => poolKey(201).sign('rsa-sha256', message),
      },
      { challenge, today: today() },
    )
    if (answer.kind === 'refused') return assert.fail(answer.reason)
    const verified = stadium.sekisho.verifyPinless({
      ...answer.value,
      terminal: 'GATE7',
      challenge,
    })
    assert.equal(await codeOf(verified), 'terminal-unregistered')
  })

  it('a withdrawn terminal, then the withdrawn organisation, are refused within a quarter of an hour, and get nothing new', async () => {
    const card = powered(await stateOf('plain-adult'))
    await run('terminal', place, 'GATE2')
    await run('withdraw', code, '--terminal', 'GATE2', '--why', '盗難')
    await town.clock.advance(16 * minuteMs)
    const stolen = await tap(card, 'GATE2')
    assert.ok(!('refused' in stolen), 'the card knows nothing of it')
    assert.equal(await codeOf(judged(stolen)), 'terminal-withdrawn')
    assert.equal((await judged(await tap(card))).verdict, 'passed')
    await run('withdraw', code, '--why', '契約の終了')
    await town.clock.advance(16 * minuteMs)
    assert.equal(await codeOf(judged(await tap(card))), 'organisation-withdrawn')
    const data = ['--data', town.layout.folder]
    for (const args of [
      ['certify', place],
      ['terminal', place, 'GATE3'],
    ])
      assert.match(await sekisho.refused(['pinless', ...args, ...data]), /^organisation-withdrawn/)
  })
})
