import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { masterKeyOf } from '@sekisho/runtime/keys'
import { temporaryFolder, type TemporaryFolder } from '@sekisho/runtime/files'
import { systemRandom } from '@sekisho/runtime/random'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import {
  askAssertion,
  askRegistration,
  endSession,
  registerOperator,
  requireOperator,
  takeAssertion,
  takeRegistration,
  withdrawOperator,
} from './operator.ts'
import { openLoadingWorld } from './program.ts'
import { presentLoading } from './rules.ts'
import { registerTerminal, withdrawTerminal } from './terminal.ts'
import type { LoadingWorld } from './world.ts'

const origin = 'http://authority.example'
const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run
    return 'done'
  } catch (fault) {
    if (fault instanceof Refusal) return fault.code
    throw fault
  }
}

/** CBOR (RFC 8949) of what an authenticator says; integers up to 65535 beside zero. */
function cbor(value: unknown): Buffer {
  const head = (major: number, size: number): Buffer =>
    size < 24
      ? Buffer.of((major << 5) | size)
      : size < 256
        ? Buffer.of((major << 5) | 24, size)
        : Buffer.of((major << 5) | 25, size >> 8, size & 255)
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, value.length), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  if (value instanceof Map)
    return Buffer.concat([
      head(5, value.size),
      ...[...value].flatMap(([key, of]) => [cbor(key), cbor(of)]),
    ])
  throw new Error('not in these answers')
}

/** What an authenticator is told to say. */
type Said = {
  readonly isUserVerified?: boolean
  readonly origin?: string
  readonly relyingParty?: string
  readonly counter?: number
  readonly type?: string
}

/** An authenticator in software that says what it is told, with true signatures. */
function authenticator() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const id = randomBytes(16)
  let counter = 0
  const clientData = (type: string, challenge: string, said: Said): Buffer =>
    Buffer.from(
      JSON.stringify({ type: said.type ?? type, challenge, origin: said.origin ?? origin }),
    )
  const authData = (said: Said, attested: Uint8Array = new Uint8Array(0)): Buffer => {
    const place = createHash('sha256')
      .update(said.relyingParty ?? 'authority.example')
      .digest()
    const isVerified = said.isUserVerified ?? true
    const flags = 0x01 | (isVerified ? 0x04 : 0) | (attested.length > 0 ? 0x40 : 0)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(said.counter ?? ++counter)
    return Buffer.concat([place, Buffer.of(flags), count, attested])
  }
  const named = { id: id.toString('base64url'), rawId: id.toString('base64url') }
  return {
    register: (challenge: string, said: Said = {}) => {
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.of(0, 16), id, coseKey(publicKey)])
      const attestation = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authData(said, attested)],
      ])
      return {
        ...named,
        type: 'public-key' as const,
        response: {
          clientDataJSON: clientData('webauthn.create', challenge, said).toString('base64url'),
          attestationObject: cbor(attestation).toString('base64url'),
        },
      }
    },
    prove: (challenge: string, said: Said = {}, key: KeyObject = privateKey) => {
      const data = authData(said)
      const client = clientData('webauthn.get', challenge, said)
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()])
      return {
        ...named,
        type: 'public-key' as const,
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: sign('sha256', signed, key).toString('base64url'),
        },
      }
    },
  }
}

function coseKey(publicKey: KeyObject): Buffer {
  const { x, y } = publicKey.export({ format: 'jwk' })
  const bytes = (text: unknown): Uint8Array => Buffer.from(String(text), 'base64url')
  return cbor(
    new Map<number, unknown>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytes(x)],
      [-3, bytes(y)],
    ]),
  )
}

describe('operators of loading terminals', () => {
  let engine: Engine
  let folder: TemporaryFolder
  let town: TestWorld
  let loading: LoadingWorld
  before(async () => {
    engine = await openEmbedded('memory')
    folder = await temporaryFolder('operators')
    town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
    loading = await openLoadingWorld({
      engine,
      clock: town.clock,
      random: systemRandom(),
      rules: presentLoading,
      numbersKey: masterKeyOf(new Uint8Array(32), systemRandom()),
      caKeysFolder: folder.path,
      publicOrigin: origin,
    })
    for (const number of ['T1', 'T2'])
      await registerTerminal(loading, { number, place: '窓口', administrator: '管理者' })
  })
  after(async () => {
    await engine.close()
    await folder.remove()
    await town.folder.remove()
  })

  const register = async (operator: string, said: Said = {}, device = authenticator()) => {
    const { enrolment } = await registerOperator(loading, { id: operator, name: operator })
    const { challenge } = await askRegistration(loading, 'T1', { operator, enrolment })
    await takeRegistration(loading, 'T1', device.register(challenge, said))
    return device
  }
  const prove = async (
    device: ReturnType<typeof authenticator>,
    said: Said = {},
    key?: KeyObject,
    terminal = 'T1',
  ): Promise<string> => {
    const { challenge } = await askAssertion(loading, terminal)
    return takeAssertion(loading, terminal, device.prove(challenge, said, key))
  }
  const unverified = 'loading-operator-unverified'

  it('who proved themself works at that terminal until the session ends', async () => {
    const session = await prove(await register('hana'))
    assert.equal((await requireOperator(loading, 'T1', session)).operator, 'hana')
    assert.equal(await codeOf(requireOperator(loading, 'T2', session)), unverified)
    assert.equal(await codeOf(requireOperator(loading, 'T1', `${session}x`)), unverified)
    assert.equal(await codeOf(requireOperator(loading, 'T1', undefined)), unverified)
    await endSession(loading, session)
    assert.equal(await codeOf(requireOperator(loading, 'T1', session)), unverified)
    const short = { ...loading, rules: { ...presentLoading, sessionMs: -1 } }
    const { challenge } = await askAssertion(loading, 'T1')
    const device = await register('short')
    const over = device.prove((await askAssertion(loading, 'T1')).challenge)
    const past = await takeAssertion(short, 'T1', over)
    assert.equal(await codeOf(requireOperator(loading, 'T1', past)), unverified)
    const stale = takeAssertion(loading, 'T1', device.prove(challenge))
    assert.equal(await codeOf(stale), unverified, 'a challenge that another took the place of')
  })

  it('registration without user verification, from elsewhere or for elsewhere is refused, and the code stays good', async () => {
    for (const said of [
      { isUserVerified: false },
      { origin: 'http://evil.example' },
      { relyingParty: 'evil.example' },
      { type: 'webauthn.get' },
    ])
      assert.equal(await codeOf(register('taro', said)), unverified, JSON.stringify(said))
    await register('taro')
  })

  it('an enrolment code is used once, for its operator, and not after its day', async () => {
    const { enrolment } = await registerOperator(loading, { id: 'once', name: 'once' })
    const ask = (operator: string, code = enrolment) =>
      askRegistration(loading, 'T1', { operator, enrolment: code })
    assert.equal(await codeOf(ask('hana')), 'loading-enrolment-unknown')
    assert.equal(await codeOf(ask('once', `${enrolment}x`)), 'loading-enrolment-unknown')
    const { challenge } = await ask('once')
    const answer = authenticator().register(challenge)
    const both = await Promise.all([
      codeOf(takeRegistration(loading, 'T1', answer)),
      codeOf(takeRegistration(loading, 'T1', answer)),
    ])
    assert.deepEqual(both.toSorted(), ['done', unverified])
    assert.equal(await codeOf(ask('once')), 'loading-enrolment-unknown')
    const late = { ...loading, rules: { ...presentLoading, enrolmentMs: -1 } }
    const past = await registerOperator(late, { id: 'once', name: 'once' })
    assert.equal(await codeOf(ask('once', past.enrolment)), 'loading-enrolment-unknown')
  })

  it('an assertion counts only with user verification, here, by the registered key, once, and forward', async () => {
    const device = await register('jiro')
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    for (const said of [
      { isUserVerified: false },
      { origin: 'http://evil.example' },
      { relyingParty: 'evil.example' },
      { type: 'webauthn.create' },
    ])
      assert.equal(await codeOf(prove(device, said)), unverified, JSON.stringify(said))
    assert.equal(await codeOf(prove(device, {}, other)), unverified)
    assert.equal(await codeOf(prove(authenticator())), unverified, 'nobody knows it')
    assert.equal(await codeOf(prove(device, { counter: 100 })), 'done')
    assert.equal(await codeOf(prove(device, { counter: 100 })), unverified, 'a copy')
    const { challenge } = await askAssertion(loading, 'T1')
    const answer = device.prove(challenge, { counter: 101 })
    assert.equal(await codeOf(takeAssertion(loading, 'T2', answer)), unverified)
    assert.equal(await codeOf(takeAssertion(loading, 'T1', answer)), 'done')
    assert.equal(await codeOf(takeAssertion(loading, 'T1', answer)), unverified)
    const events = await loading.store.read(db =>
      db.selectFrom('loading_event').selectAll().where('operator', '=', 'jiro').execute(),
    )
    const count = (kind: string): number => events.filter(one => one.kind === kind).length
    assert.deepEqual([count('verified'), count('unverified')], [2, 6])
  })

  it('a registration is no assertion, nor the other way', async () => {
    const device = await register('saburo')
    const { challenge } = await askAssertion(loading, 'T1')
    assert.equal(
      await codeOf(takeRegistration(loading, 'T1', device.register(challenge))),
      unverified,
    )
    const { enrolment } = await registerOperator(loading, { id: 'saburo', name: 'saburo' })
    const asked = await askRegistration(loading, 'T1', { operator: 'saburo', enrolment })
    const proof = takeAssertion(loading, 'T1', device.prove(asked.challenge))
    assert.equal(await codeOf(proof), unverified)
  })

  it('who is withdrawn is out at once, and so is everybody at a withdrawn terminal', async () => {
    const device = await register('shiro')
    const session = await prove(device)
    await withdrawOperator(loading, 'shiro')
    assert.equal(await codeOf(requireOperator(loading, 'T1', session)), unverified)
    assert.equal(await codeOf(prove(device)), unverified)
    const back = registerOperator(loading, { id: 'shiro', name: 'shiro' })
    assert.equal(await codeOf(back), 'loading-enrolment-unknown')
    assert.equal(await codeOf(withdrawOperator(loading, 'nobody')), unverified)
    const goro = await register('goro')
    const at = await prove(goro, {}, undefined, 'T2')
    await withdrawTerminal(loading, 'T2')
    assert.equal(await codeOf(requireOperator(loading, 'T2', at)), unverified)
  })
})
