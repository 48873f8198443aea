/**
 * The attack of two providers who pool what they have (C4): everything that each ever received about each of its people, and matchers that
 * guess who of the one is who of the other. Consented attributes are left out by who records. A guess over n people has one right match
 * by chance, whatever n; a matcher that has more than {@link rightMax} of them has found something.
 */

/** What a provider received about one person: by call, in order. */
export type Transcript = readonly {
  /** The call, without ids. */
  readonly call: string
  readonly text: string
  /** How long the answer took. */
  readonly ms: number
}[]

/** Both sides, each in the order in which it met its people; `truth[i]` is whom of B person i of A is. */
export type Pool = {
  readonly a: readonly Transcript[]
  readonly b: readonly Transcript[]
  readonly truth: readonly number[]
}

/**
 * Right matches that chance may have. The number of fixed points of a random permutation is as good as Poisson with mean 1: eight or
 * more come once in 100,000 guesses.
 */
export const rightMax = 7

/** Every matcher by name: how alike two transcripts are, told for a whole side at once so that rarity and rank can count. */
export const matchers = {
  words: (pool: Pool) => sharing(pool, wordsOf),
  fragments: (pool: Pool) => sharing(pool, fragmentsOf),
  numbers: (pool: Pool) => sharing(pool, numbersOf),
  lengths: (pool: Pool) => nearness(pool, lengthsOf),
  durations: (pool: Pool) => nearness(pool, durationsOf),
  'order of ids': (pool: Pool) => nearness(pool, idsOf, 'rank'),
  instants: (pool: Pool) => nearness(pool, instantsOf, 'rank'),
} as const satisfies Readonly<Record<string, (pool: Pool) => Score>>
export type MatcherName = keyof typeof matchers

/** How alike person `a` of the one and person `b` of the other are. */
type Score = (a: number, b: number) => number

/** The matches that a matcher gets right, taking the most alike first; `tie` decides between equals. */
export function rightMatches(pool: Pool, name: MatcherName, tie: () => number): number {
  const score = matchers[name](pool)
  const pairs = pool.a.flatMap((_, a) =>
    pool.b.map((_other, b) => ({ a, b, score: score(a, b), tie: tie() })),
  )
  pairs.sort((one, other) => other.score - one.score || one.tie - other.tie)
  const [takenA, takenB] = [new Set<number>(), new Set<number>()]
  let right = 0
  for (const { a, b } of pairs) {
    if (takenA.has(a) || takenB.has(b)) continue
    takenA.add(a)
    takenB.add(b)
    if (pool.truth[a] === b) right++
  }
  return right
}

/** What two have in common, the rarer the more; what more than a quarter of the people have says nothing. */
function sharing(pool: Pool, featuresOf: (of: Transcript) => ReadonlySet<string>): Score {
  const sides = [pool.a.map(featuresOf), pool.b.map(featuresOf)] as const
  const counts = new Map<string, number>()
  for (const features of sides.flat())
    for (const feature of features) counts.set(feature, (counts.get(feature) ?? 0) + 1)
  const most = Math.max(2, (pool.a.length + pool.b.length) / 4)
  return (a, b) => {
    let sum = 0
    const other = sides[1][b]
    for (const feature of sides[0][a] ?? []) {
      const count = counts.get(feature) ?? 0
      if (count <= most && other?.has(feature) === true) sum += 1 / count
    }
    return sum
  }
}

/** How near two are in numbers that both sides have, each by its spread, or by its rank on its own side. */
function nearness(
  pool: Pool,
  numbersBy: (of: Transcript) => ReadonlyMap<string, number | string>,
  by: 'spread' | 'rank' = 'spread',
): Score {
  const sides = [pool.a.map(numbersBy), pool.b.map(numbersBy)] as const
  const names = [...new Set(sides.flat().flatMap(each => [...each.keys()]))]
  const places = names.map(name =>
    sides.map(side => (by === 'rank' ? ranks(side, name) : spreads(side, name))),
  )
  return (a, b) => {
    let distance = 0
    for (const [ofA, ofB] of places) {
      const [one, other] = [ofA?.[a], ofB?.[b]]
      if (one !== undefined && other !== undefined) distance += (one - other) ** 2
    }
    return -distance
  }
}

type Side = readonly ReadonlyMap<string, number | string>[]

function ranks(side: Side, name: string): readonly (number | undefined)[] {
  const values = side.map(each => each.get(name))
  const sorted = values
    .filter(value => value !== undefined)
    .toSorted((one, other) => (one < other ? -1 : 1))
  return values.map(value =>
    value === undefined ? undefined : sorted.indexOf(value) / side.length,
  )
}

function spreads(side: Side, name: string): readonly (number | undefined)[] {
  const values = side
    .map(each => each.get(name))
    .map(value => (value === undefined ? undefined : Number(value)))
  const known = values.filter(value => value !== undefined)
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  const spread = Math.sqrt(
    known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length,
  )
  return values.map(value =>
    value === undefined || spread === 0 ? undefined : (value - mean) / spread,
  )
}

function wordsOf(of: Transcript): ReadonlySet<string> {
  return new Set(of.flatMap(({ text }) => withoutInstants(text).match(/[\w-]{6,}/g) ?? []))
}

/**
 * Who came in the same second says something of the hour and nothing of the person; {@link instantsOf} looks at times. Tokens are looked at
 * as what they say, which stands in the transcript beside them.
 */
function withoutInstants(text: string): string {
  return text
    .replace(/[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g, '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|(?<!\d)1[789]\d{8}(?!\d)/g, '')
}

/** Pieces of long words: a common beginning, or one id within another. */
function fragmentsOf(of: Transcript): ReadonlySet<string> {
  const found = new Set<string>()
  for (const word of wordsOf(of))
    if (word.length >= 16)
      for (let at = 0; at + 7 <= word.length; at++) found.add(word.slice(at, at + 7))
  return found
}

function numbersOf(of: Transcript): ReadonlySet<string> {
  return new Set(
    of.flatMap(({ text }) => withoutInstants(text).match(/(?<![\w-])\d{3,}(?![\w-])/g) ?? []),
  )
}

/** The n-th call of a kind. */
function eachCall<T>(
  of: Transcript,
  value: (one: Transcript[number]) => T | undefined,
): ReadonlyMap<string, T> {
  const seen = new Map<string, number>()
  const found = new Map<string, T>()
  for (const one of of) {
    const count = (seen.get(one.call) ?? 0) + 1
    seen.set(one.call, count)
    const told = value(one)
    if (told !== undefined) found.set(`${one.call} ${count}`, told)
  }
  return found
}

function lengthsOf(of: Transcript): ReadonlyMap<string, number> {
  return eachCall(of, ({ text }) => text.length)
}

function durationsOf(of: Transcript): ReadonlyMap<string, number> {
  return eachCall(of, ({ ms }) => ms)
}

/** The first id in each answer. */
function idsOf(of: Transcript): ReadonlyMap<string, string> {
  return eachCall(
    of,
    ({ text }) => /"(?:id|sub|subject|jti|certificateId)":"([\w-]{8,})"/.exec(text)?.[1],
  )
}

function instantsOf(of: Transcript): ReadonlyMap<string, number> {
  return eachCall(of, ({ text }) => {
    const iso = /"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/.exec(text)?.[1]
    const seconds = /"(?:iat|auth_time|exp)":(\d{10})/.exec(text)?.[1]
    return iso !== undefined ? Date.parse(iso) : seconds === undefined ? undefined : Number(seconds)
  })
}
