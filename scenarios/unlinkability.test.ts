/**
 * C4: two providers pool everything that they ever received about their people (tokens, ids, records, receipts, certificate ids, proofs,
 * events, errors, lengths, times) and match nobody better than chance. The control plants leaks of several kinds into the same
 * transcripts and shows that the attack would find each.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { importPrivateKey } from '@sekisho/pki'
import type { Fetch } from '@sekisho/runtime/net'
import { seededRandom } from '@sekisho/runtime/random'
import { codeOn } from './hand-reader.ts'
import {
  type MatcherName,
  matchers,
  type Pool,
  rightMatches,
  rightMax,
  type Transcript,
} from './linkage-attack.ts'

const count = Number(process.env['SEKISHO_PEOPLE'] ?? 16)
const seed = process.env['SEKISHO_SEED'] ?? String(Date.now())
const secrets = { pin: '2468', password: 'SEKISHO1' }

/** A provider that writes down everything it receives while it deals with one person. */
type Watcher = {
  readonly provider: TestProvider
  readonly transcripts: Map<string, Transcript[number][]>
  readonly subjects: Map<string, string>
  about: string
}

describe(`two providers who pool what they have, seed ${seed}`, () => {
  const random = seededRandom(`unlinkability ${seed}`)
  const next = (): number => Buffer.from(random.bytes(6)).readUIntBE(0, 6) / 2 ** 48
  let town: TestTown
  let cards: readonly string[] = []
  let pool: Pool
  before(async () => {
    town = await startTestTown()
    const made: { readonly resident: string; readonly card: string }[] = []
    for (let each = 0; each < count; each++) made.push(await register(each))
    cards = made.map(one => one.card)
    const [alpha, beta] = [await watcher('alpha'), await watcher('beta')]
    // Each meets the same people, in an order of its own.
    const visits = shuffled(
      [alpha, beta].flatMap(by => shuffled(cards).map(card => ({ by, card }))),
    )
    for (const { by, card } of visits) await deal(by, card)
    // All move in one sweep: whoever moves alone is told of to all who watch at the same moment (docs/protocol/identity-links.md).
    for (const [each, { resident }] of made.entries())
      await town.admin('authority', 'resident-event', {
        resident,
        event: {
          what: 'move',
          municipality: '13104',
          address: `東京都新宿区西新宿一丁目${each + 1}番`,
        },
      })
    await town.clock.advance(60_000)
    await town.settle()
    for (const by of [alpha, beta]) {
      await poll(by)
      for (const card of shuffled(cards)) await deletion(by, card)
    }
    const [ofA, ofB] = [[...alpha.transcripts.keys()], [...beta.transcripts.keys()]]
    pool = {
      a: ofA.map(card => alpha.transcripts.get(card) ?? []),
      b: ofB.map(card => beta.transcripts.get(card) ?? []),
      truth: ofA.map(card => ofB.indexOf(card)),
    }
  })
  after(() => town.stop())

  const shuffled = <T>(all: readonly T[]): T[] =>
    all
      .map(one => ({ one, at: next() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ one }) => one)

  async function register(each: number) {
    const { resident } = (await town.admin('authority', 'resident-register', {
      name: `無関　${'一二三四五六七八九十'[each % 10]}${'子男美夫'[Math.floor(each / 10) % 4]}`,
      gender: each % 2 === 0 ? 'female' : 'male',
      birthDate: { year: 1950 + each, month: 1 + (each % 12), day: 1 + (each % 28) },
      municipality: '13101',
      address: `東京都千代田区一番町${each + 1}番`,
    })) as { resident: string }
    const wish = { resident, event: { what: 'card', ...secrets } }
    const { card } = (await town.admin('authority', 'resident-event', wish)) as { card: string }
    return { resident, card }
  }

  async function watcher(id: string): Promise<Watcher> {
    const by: { about: string; transcripts: Map<string, Transcript[number][]> } = {
      about: '',
      transcripts: new Map(),
    }
    const provider = await town.provider({ id, fetch: fetch => recording(fetch, by) })
    // One token for all people, so that it says nothing of any.
    return Object.assign(by, { provider, subjects: new Map<string, string>() })
  }

  /** Everything that a provider can do with a person who comes with the card. */
  async function deal(by: Watcher, card: string): Promise<void> {
    by.about = card
    const { sekisho } = by.provider
    const visit = async (url: string): Promise<string> => {
      await using person = await town.person(card)
      const page = await person.visit(url)
      assert.equal(codeOn(page), 'none')
      write(by, 'callback', page.url.replace(/^https?:\/\/[^/]+/, ''), 0)
      return page.url
    }
    const identified = await sekisho.beginIdentify([])
    const { subject } = await sekisho.finish(await visit(identified.url), identified.pending)
    by.subjects.set(card, subject)
    const login = await sekisho.beginLogin()
    await sekisho.finish(await visit(login.url), login.pending)
    await sekisho.confirmChange(subject)
    const document = new TextEncoder().encode('同じ文書')
    const { id } = await sekisho.createSigning(
      { title: '同じ文書', mediaType: 'text/plain', document, subject },
      // A key of the provider's own making says nothing of the person.
      `key-${next()}`,
    )
    const signing = await sekisho.beginSigning(id)
    await sekisho.finishSigning(await visit(signing.url), signing.pending, document)
    await sekisho.linkTerminal({ kind: 'tv', number: `tv-${next()}`, subject })
    await sekisho.linkCustomer({
      subject,
      customerNumber: `customer-${String(next()).slice(2, 12)}`,
      record: {},
      accountProof: 'password',
    })
    await assert.rejects(sekisho.fetchLatest(subject), { code: 'consent-missing' })
    await assert.rejects(sekisho.confirmChange(`${subject}x`), { code: 'person-unknown' })
    await verify(by, card)
    by.about = ''
  }

  /** A signature of the person, verified, kept, its certificate checked again. */
  async function verify(by: Watcher, card: string): Promise<void> {
    await using held = await town.takeCard(card)
    const state = held.state().signature
    const document = new TextEncoder().encode('別の文書')
    const key = importPrivateKey(Buffer.from(state.privateKey ?? '', 'base64'))
    const { sekisho } = by.provider
    const report = await sekisho.verify({
      document,
      signature: key.sign('rsa-sha256', document),
      certificate: Buffer.from(state.certificate ?? '', 'base64'),
      keepDays: 30,
    })
    assert.equal(report.verdict, 'passed')
    await sekisho.checkCertificate(report.certificateId ?? '')
    kept.set(`${by.provider.id} ${card}`, report.id)
  }
  const kept = new Map<string, string>()

  async function deletion(by: Watcher, card: string): Promise<void> {
    by.about = card
    const id = kept.get(`${by.provider.id} ${card}`) ?? ''
    await by.provider.sekisho.readResult(id)
    await by.provider.sekisho.deleteResult(id)
    by.about = ''
  }

  /** What a change means, told to each about each. */
  async function poll(by: Watcher): Promise<void> {
    for (const card of shuffled(cards)) {
      by.about = card
      const { meaning } = await by.provider.sekisho.confirmChange(by.subjects.get(card) ?? '')
      assert.equal(meaning, 'ask-for-update')
    }
    by.about = ''
  }

  const guess = (given: Pool): Record<MatcherName, number> => {
    const names = Object.keys(matchers) as MatcherName[]
    return Object.fromEntries(names.map(name => [name, rightMatches(given, name, next)])) as Record<
      MatcherName,
      number
    >
  }
  /** The same transcripts, with a leak about each person planted on both sides. */
  const leaking = (plant: (person: number, text: string, at: number) => string): Pool => {
    const bend = (side: readonly Transcript[], personOf: (at: number) => number): Transcript[] =>
      side.map((transcript, at) =>
        transcript.map((one, call) => ({ ...one, text: plant(personOf(at), one.text, call) })),
      )
    return {
      ...pool,
      a: bend(pool.a, at => at),
      b: bend(pool.b, at => pool.truth.indexOf(at)),
    }
  }

  it('both have a great deal about everybody', () => {
    for (const side of [pool.a, pool.b]) {
      assert.equal(side.length, count)
      for (const transcript of side)
        assert.ok(transcript.length > 20, `${transcript.length} answers`)
    }
    assert.deepEqual(
      pool.truth.toSorted((a, b) => a - b),
      cards.map((_, at) => at),
    )
  })

  it('no matcher has more right matches than chance', t => {
    const right = guess(pool)
    t.diagnostic(`right of ${count}, by chance 1: ${JSON.stringify(right)}`)
    for (const [name, matches] of Object.entries(right))
      assert.ok(matches <= rightMax, `${name}: ${matches} of ${count}, seed ${seed}`)
  })

  it('the attack would find each kind of leak', t => {
    const hash = (person: number) =>
      createHash('sha256').update(`serial ${person}`).digest('base64url')
    const leaks: readonly (readonly [string, MatcherName, Pool])[] = [
      // An id derived from the serial for every provider alike.
      [
        'a common id',
        'words',
        leaking((person, text, at) => (at === 0 ? text + ` "ref":"${hash(person)}"` : text)),
      ],
      // Different ids with one beginning.
      [
        'a common beginning',
        'fragments',
        leaking((person, text, at) =>
          at === 0 ? `${text} "ref":"${hash(person).slice(0, 8)}${random.token(128)}"` : text,
        ),
      ],
      [
        'a common number',
        'numbers',
        leaking((person, text, at) => (at === 0 ? `${text} "n": ${1_000 + person * 7}` : text)),
      ],
      // Bytes of padding that follow the person.
      [
        'a common length',
        'lengths',
        leaking((person, text, at) => (at < 4 ? text + ' '.repeat(person * 40) : text)),
      ],
      // Ids handed out in the order in which the platform met people.
      [
        'ids in order',
        'order of ids',
        leaking((person, text) =>
          text.replace(
            /"(id|sub|subject|jti|certificateId)":"[\w-]{8,}"/,
            `"$1":"${String(10_000_000 + person)}"`,
          ),
        ),
      ],
    ]
    for (const [what, name, given] of leaks) {
      const right = rightMatches(given, name, next)
      t.diagnostic(`${what}, by ${name}: ${right} right`)
      assert.ok(right > rightMax, `${what}: ${right} of ${count}, seed ${seed}`)
    }
  })
})

/** Keeps what is received while there is somebody it is about. */
function recording(
  fetch: Fetch,
  by: { readonly about: string; readonly transcripts: Map<string, Transcript[number][]> },
): Fetch {
  return async (input, init) => {
    const begun = performance.now()
    const answer = await fetch(input, init)
    const body = await answer.text()
    const path = new URL(new Request(input).url).pathname.replace(/[\w-]{20,}/g, '…')
    const call = `${init?.method ?? 'GET'} ${path} ${answer.status}`
    write(by, call, body, performance.now() - begun)
    return new Response(answer.status === 204 ? null : body, {
      status: answer.status,
      headers: answer.headers,
    })
  }
}

/** A text as received, and what its tokens say. */
function write(
  by: { readonly about: string; readonly transcripts: Map<string, Transcript[number][]> },
  call: string,
  text: string,
  ms: number,
): void {
  if (by.about === '' || /\/(?:jwks|\.well-known)/.test(call)) return
  const all = by.transcripts.get(by.about) ?? []
  by.transcripts.set(by.about, all)
  all.push({ call, text, ms })
  for (const [jwt] of text.matchAll(/[\w-]+\.[\w-]+\.[\w-]+/g))
    for (const part of jwt.split('.').slice(0, 2)) {
      const decoded = Buffer.from(part, 'base64url').toString()
      if (decoded.startsWith('{')) all.push({ call: `${call} token`, text: decoded, ms })
    }
}
