/**
 * What happens when revocation data are stale, altered or missing, when the authority or the platform is down, and when a
 * program is started wrongly. `docs/fail-closed.md` points here.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { Refusal } from '@sekisho/contract'
import type { Fetch } from '@sekisho/runtime/net'
import { type Sekisho, SekishoError } from '@sekisho/sdk'
import { codeOn } from './hand-reader.ts'

const hourMs = 3600 * 1000

/** What the wire does to the answers of the authority's publication. */
type Mischief =
  | 'none'
  | 'altered-list'
  | 'swapped-lists'
  | 'missing-list'
  | 'altered-manifest'
  | 'silent'

for (const database of ['embedded', 'postgres'] as const)
  describe(`fail closed on ${database}`, () => {
    let mischief: Mischief = 'none'
    let town: TestTown
    let lists: TestProvider
    let asking: TestProvider
    before(async () => {
      town = await startTestTown({
        database,
        wire: (program, fetch) =>
          program === 'platform' ? disturbing(fetch, () => mischief) : fetch,
      })
      lists = await town.provider({ id: 'lists' })
      asking = await town.provider({ id: 'asking', revocation: 'ocsp' })
    })
    after(() => town.stop())

    async function login(provider: TestProvider, persona = 'plain-adult'): Promise<string> {
      const { url, pending } = await provider.sekisho.beginLogin()
      await using person = await town.person(persona)
      const page = await person.visit(url)
      const code = codeOn(page)
      if (code === 'none') await provider.sekisho.finish(page.url, pending)
      return code
    }
    const refresh = () => codeOf(town.admin('platform', 'revocation-refresh'))
    /** A day passes: the lists in force are stale, the authority has published anew, and the wire does what it does. */
    const dayPasses = async (next: Mischief): Promise<string> => {
      mischief = next
      await town.clock.advance(27 * hourMs)
      await town.admin('authority', 'publish')
      return refresh()
    }

    it('a list with a broken signature is not taken over; when the old one is stale, it is told as untrusted', async () => {
      assert.equal(await login(lists), 'none')
      assert.equal(await dayPasses('altered-list'), 'none')
      assert.equal(await login(lists), 'revocation-untrusted')
      // Who has validity asked for each time does not need the lists.
      assert.equal(await login(asking), 'none')
      mischief = 'none'
      assert.equal(await refresh(), 'none')
      assert.equal(await login(lists), 'none')
    })

    it('a list of another municipality in place of one’s own is not taken over', async () => {
      assert.equal(await dayPasses('swapped-lists'), 'none')
      assert.equal(await login(lists), 'revocation-wrong-partition')
    })

    it('a manifest that is not the authority’s to the letter changes nothing', async () => {
      assert.equal(await dayPasses('altered-manifest'), 'authority-answer-invalid')
      mischief = 'silent'
      assert.equal(await refresh(), 'authority-unreachable')
      mischief = 'none'
      assert.equal(await refresh(), 'none')
      assert.equal(await login(lists), 'none')
    })

    it('a platform that never had a list refuses, and is not ready', async () => {
      mischief = 'missing-list'
      await town.stopProgram('platform')
      await (await town.tables('platform')).transaction(tx => tx.deleteFrom('crl').execute())
      await town.startProgram('platform')
      assert.equal(await login(lists), 'revocation-unavailable')
      const ready = await town.fetch(`${town.urls.platform}/ready`)
      assert.equal(ready.status, 503)
      mischief = 'none'
      assert.equal(await refresh(), 'none')
      assert.equal((await town.fetch(`${town.urls.platform}/ready`)).status, 200)
      assert.equal(await login(lists), 'none')
    })

    it('a hold is seen at once by who has validity asked, and by the lists as soon as they are there', async () => {
      mischief = 'silent'
      await town.admin('authority', 'resident-event', {
        resident: 'pin-always',
        event: { what: 'lost' },
      })
      assert.equal(await login(lists, 'pin-always'), 'none')
      mischief = 'none'
      assert.equal(await login(asking, 'pin-always'), 'certificate-held')
      await town.settle()
      assert.equal(await login(lists, 'pin-always'), 'certificate-held')
      await town.happen('pin-always', { what: 'found' })
      assert.equal(await login(lists, 'pin-always'), 'none')
    })

    it('without the authority: lists serve until they are stale, what must be asked is refused, nothing is guessed', async () => {
      const { subject } = await identified('foreign-resident', lists.sekisho)
      await town.stopProgram('authority')
      assert.equal(await login(lists), 'none')
      assert.equal(await login(asking), 'authority-unreachable')
      assert.equal((await lists.sekisho.confirmChange(subject)).meaning, 'no-change')
      await town.clock.advance(27 * hourMs)
      assert.equal(await login(lists), 'revocation-stale')
      assert.equal(await codeOf(lists.sekisho.confirmChange(subject)), 'revocation-stale')
      await town.startProgram('authority')
      await town.settle()
      assert.equal(await login(lists), 'none')
      assert.equal(await login(asking), 'none')
    })

    async function identified(persona: string, sekisho: Sekisho) {
      const { url, pending } = await sekisho.beginIdentify(['name'])
      await using person = await town.person(persona)
      return sekisho.finish((await person.visit(url)).url, pending)
    }

    it('without the platform a provider gets an error, never a login', async () => {
      await town.stopProgram('platform')
      assert.equal(await codeOf(lists.sekisho.beginLogin()), 'platform-unreachable')
      await using person = await town.person('plain-adult')
      const page = await person.visit(`${town.urls.bank}/login`)
      assert.ok(page.status >= 400)
      assert.equal(codeOn(page), 'platform-unreachable')
      await person.card.release()
      await town.startProgram('platform')
      assert.equal(await login(lists), 'none')
    })

    it('a second process on the same data folder does not start', async () => {
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, '..', 'packages', 'cli', 'src', 'main.ts'),
          'town',
          '--data',
          town.layout.folder,
          '--json',
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          said += text
        })
      const [status] = await once(child, 'exit')
      assert.notEqual(status, 0)
      assert.match(said, /data-folder-in-use/)
      assert.equal(await login(lists), 'none')
    })
  })

/** Does to the authority's publication what a hostile or broken network could. */
function disturbing(fetch: Fetch, now: () => Mischief): Fetch {
  let before: Uint8Array<ArrayBuffer> | undefined
  return async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    const isPublication = pathname.startsWith('/crl/')
    const mischief = isPublication ? now() : 'none'
    if (mischief === 'silent') throw new TypeError('the network is silent')
    const answer = await fetch(input, init)
    if (mischief === 'none') return answer
    const body = new Uint8Array(await answer.arrayBuffer())
    const isManifest = pathname === '/crl/manifest'
    if (mischief === 'missing-list' && !isManifest) return new Response('', { status: 404 })
    if (mischief === 'altered-manifest' && isManifest) flip(body, 3)
    if (mischief === 'altered-list' && !isManifest) flip(body, 1)
    const other = before
    if (!isManifest) before = body
    const sent = mischief === 'swapped-lists' && !isManifest && other !== undefined ? other : body
    return new Response(sent, { status: answer.status, headers: answer.headers })
  }
}

/** Turns a bit of the byte so many from the end. */
function flip(bytes: Uint8Array, fromEnd: number): void {
  bytes[bytes.length - fromEnd] = (bytes.at(-fromEnd) ?? 0) ^ 1
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
    return 'none'
  } catch (error) {
    if (error instanceof SekishoError || error instanceof Refusal) return error.code
    throw error
  }
}
