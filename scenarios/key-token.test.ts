/**
 * The platform's keys in a PKCS #11 token (SoftHSM): taken over from files while people are registered, changed under load, and gone for a
 * while. What was sealed before stays readable, nobody's login waits for the token but for the signature of the ID token, and that is
 * refused by its code.
 */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { sleep } from '@sekisho/runtime/clock'
import { makeSoftToken } from '@sekisho/runtime/soft-token'

let town: TestTown
let pension: TestProvider
/** What the token endpoint answered last. */
let answered: { readonly status: number; readonly body: unknown } = { status: 0, body: undefined }
/** Header of the last ID token that the provider got. */
let last: { readonly kid?: string; readonly alg?: string } = {}
let subject = ''

before(async () => {
  town = await startTestTown({ residents: 0 })
  pension = await town.provider({
    id: 'pension',
    fetch: inner => async (input, init) => {
      const answer = await inner(input, init)
      const body: unknown = await answer
        .clone()
        .json()
        .catch(() => undefined)
      const token: unknown =
        typeof body === 'object' && body !== null ? Reflect.get(body, 'id_token') : undefined
      if (new URL(answer.url).pathname === '/oidc/token') answered = { status: answer.status, body }
      if (typeof token === 'string')
        last = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
      return answer
    },
  })
})
after(() => town.stop())

const identify = async (): Promise<string> => {
  const { url, pending } = await pension.sekisho.beginIdentify(['name'])
  await using person = await town.person('plain-adult')
  return (await pension.sekisho.finish((await person.visit(url)).url, pending)).subject
}
const login = async (): Promise<string> => {
  const { url, pending } = await pension.sekisho.beginLogin()
  await using person = await town.person('plain-adult')
  return (await pension.sekisho.finish((await person.visit(url)).url, pending)).subject
}
const publishedIds = async (): Promise<readonly string[]> => {
  const answer = await town.fetch(`${town.urls.platform}/oidc/jwks`)
  const { keys }: { readonly keys: readonly { readonly kid: string; readonly d?: string }[] } =
    JSON.parse(await answer.text())
  assert.ok(keys.every(key => key.d === undefined))
  return keys.map(key => key.kid)
}
const mastersOfBuckets = async (): Promise<ReadonlyMap<string, number>> => {
  const tables = await town.tables('platform')
  const rows = await tables.read(db => db.selectFrom('bucket_key').select('master_id').execute())
  const counts = new Map<string, number>()
  for (const { master_id: id } of rows) counts.set(String(id), (counts.get(String(id)) ?? 0) + 1)
  return counts
}

it('a token takes over from the files, and what was sealed before stays readable', async () => {
  subject = await identify()
  const byFile = last.kid
  const [fileMaster = ''] = (await mastersOfBuckets()).keys()
  const token = makeSoftToken({ label: 'platform', pin: 'platform-pin' })
  await town.stopProgram('platform')
  const folder = town.layout.keysFolder('platform')
  mkdirSync(folder, { recursive: true })
  const pinFile = join(folder, 'token.pin')
  writeFileSync(pinFile, 'platform-pin', { mode: 0o600 })
  writeFileSync(join(folder, 'token.json'), JSON.stringify({ ...token, pinFile }), { mode: 0o600 })
  await town.startProgram('platform')
  assert.equal(await login(), subject)
  assert.equal(last.alg, 'ES256')
  assert.notEqual(last.kid, byFile)
  const published = await publishedIds()
  assert.ok(published.includes(last.kid ?? ''))
  assert.ok(published.includes(byFile ?? ''), 'what was signed before cannot be verified any more')
  // Everything sealed by then is told to the person: releases, entries of the ledger.
  assert.equal(await identify(), subject)
  for (let attempt = 0; (await mastersOfBuckets()).has(fileMaster); attempt++) {
    assert.ok(attempt < 50, 'a bucket key still lies under the master in the file')
    await sleep(200)
  }
})

it('all bucket keys are made and kept, so that nobody waits for the token', async () => {
  for (let attempt = 0; ; attempt++) {
    const counts = await mastersOfBuckets()
    assert.deepEqual([...counts.keys()], ['token master'])
    // One more for what concerns nobody.
    if (counts.get('token master') === 4_097) return
    assert.ok(attempt < 120, `only ${counts.get('token master')} bucket keys`)
    await sleep(500)
  }
})

it('a new token key is published before it signs, and every login during the change succeeds', async () => {
  const before = last.kid
  await town.admin('platform', 'token-key-rotate', { leadSeconds: 4 })
  const published = await publishedIds()
  assert.equal(await login(), subject)
  assert.equal(last.kid, before)
  const begun = performance.now()
  while (last.kid === before) {
    assert.ok(performance.now() - begun < 20_000, 'the new key never signed')
    assert.equal(await login(), subject)
  }
  assert.ok(published.includes(last.kid ?? ''), 'it signed before it was published')
  assert.ok(
    (await publishedIds()).includes(before ?? ''),
    'its predecessor is not published any more',
  )
})

it('while the token is gone, people log in up to the ID token, which is refused by its code', async () => {
  const tokens = join(dirname(process.env['SOFTHSM2_CONF'] ?? ''), 'tokens')
  const tables = await town.tables('platform')
  const entries = async (): Promise<number> =>
    (await tables.read(db => db.selectFrom('ledger_entry').select('id').execute())).length
  const known = await entries()
  renameSync(tokens, `${tokens}.away`)
  try {
    const { url, pending } = await pension.sekisho.beginLogin()
    await using person = await town.person('plain-adult')
    const back = await person.visit(url)
    // The card step is done, and noted under the person's key.
    assert.ok(new URL(back.url).searchParams.has('code'), back.url)
    assert.ok((await entries()) > known)
    await assert.rejects(pension.sekisho.finish(back.url, pending))
    const { error, code, retry } = answered.body as Record<string, unknown>
    assert.deepEqual(
      [answered.status, error, code],
      [503, 'temporarily_unavailable', 'token-absent'],
    )
    assert.equal(typeof retry, 'string')
  } finally {
    renameSync(`${tokens}.away`, tokens)
  }
  assert.equal(await login(), subject)
})
