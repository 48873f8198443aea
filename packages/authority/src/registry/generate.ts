/**
 * Synthetic residents from a seed, household by household: ages by the pyramid, names of their generation with readings,
 * foreign residents with a stay, addresses of the right municipality. None of them exists; a likeness is chance. Deterministic
 * for a seed, and a stream: nothing is kept but the batch in hand.
 */
import { type CalendarDate, type Municipality, municipalityOf } from '@sekisho/contract/japan'
import type { Random } from '@sekisho/runtime/random'
import { fullWidth, substitutesOf } from './character.ts'
import { type Draw, drawFrom } from './draw.ts'
import { familiesOf, type Person } from './family.ts'
import { type ForeignStay, nameWithAlias } from './foreign-stay.ts'
import type { Relation } from './household.ts'
import { foreignNames, givenNames, type ReadName, surnames } from './name-table.ts'
import { agePyramid, foreignPercent } from './population-table.ts'
import type { ResidentAttributes } from './resident.ts'

/** A generated resident. Members of a household follow each other, the head first. */
export type GeneratedResident = {
  readonly municipality: string
  readonly attributes: ResidentAttributes
  readonly relation: Relation
  readonly reading: string | null
  readonly stay: ForeignStay | null
}

/** Who is to be made. */
export type GenerationPlan = {
  readonly random: Random
  readonly count: number
  /** The day of the town on which they live. */
  readonly today: CalendarDate
  /** Codes of the municipalities where they live. */
  readonly places: readonly string[]
}

/** People of one municipality that are made into households at once. */
const batch = 2000

/** Makes residents. Each municipality gets a share by its inhabitants. */
export function* generateResidents(plan: GenerationPlan): Generator<GeneratedResident> {
  const draw = drawFrom(plan.random)
  const weights = plan.places.map(code => placeOf(code).thousands)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let before = 0
  let made = 0
  for (const [at, code] of plan.places.entries()) {
    before += weights[at] ?? 0
    // The rounded share of all up to here, so that the last one closes the count.
    const until = Math.round((before / total) * plan.count)
    for (; made < until; made += Math.min(batch, until - made))
      yield* peopleOf(draw, placeOf(code), Math.min(batch, until - made), plan.today)
  }
}

function placeOf(code: string): Municipality {
  const place = municipalityOf(code)
  if (place === undefined) throw new RangeError(`no municipality ${code}`)
  return place
}

function* peopleOf(
  draw: Draw,
  place: Municipality,
  count: number,
  today: CalendarDate,
): Generator<GeneratedResident> {
  const people = Array.from({ length: count }, () => person(draw))
  for (const family of familiesOf(draw, people)) {
    const address = addressIn(draw, place)
    const make = draw.happens(foreignPercent) ? foreignFamily(draw, today) : japaneseFamily(draw)
    for (const member of family) {
      const birthDate = birthDateOf(draw, member.person.age, today)
      const { name, reading, formerSurname, stay } = make(member.person, birthDate.year)
      yield {
        municipality: place.code,
        relation: member.relation,
        reading,
        stay,
        attributes: {
          name,
          nameSubstitutes: substitutesOf(name),
          formerSurname,
          address,
          addressSubstitutes: substitutesOf(address),
          birthDate,
          gender: member.person.isMale ? 'male' : 'female',
        },
      }
    }
  }
}

type Named = Pick<GeneratedResident, 'reading' | 'stay'> &
  Pick<ResidentAttributes, 'name' | 'formerSurname'>

/** One surname for all; a married woman may carry her former one. */
function japaneseFamily(draw: Draw): (person: Person, bornIn: number) => Named {
  const [surname, surnameReading] = pickSurname(draw)
  return ({ isMale, age }, bornIn) => {
    const generation = givenNames.find(one => bornIn < one.bornBefore)
    const names = isMale ? generation?.male : generation?.female
    const [given, reading] = draw.pick(names ?? [])
    const hasFormer = !isMale && age >= 20 && draw.happens(0.5)
    return {
      name: `${surname}　${given}`,
      reading: `${surnameReading}　${reading}`,
      formerSurname: hasFormer ? pickSurname(draw)[0] : null,
      stay: null,
    }
  }
}

/** The frequent names are at the front: the lower of two draws. */
function pickSurname(draw: Draw): ReadName {
  const at = Math.min(draw.below(surnames.length), draw.below(surnames.length))
  return surnames[at] ?? draw.pick(surnames)
}

/** One nationality for all, each with a name and a stay of their own. */
function foreignFamily(draw: Draw, today: CalendarDate): (person: Person) => Named {
  const names = foreignNames[draw.weighted(foreignNames.map(one => one.weight))]
  if (names === undefined) throw new RangeError('no names')
  const family = draw.pick(names.family)
  const isPermanent = draw.happens(30)
  return ({ isMale }) => {
    const own = fullWidth(`${family} ${draw.pick(isMale ? names.male : names.female)}`)
    const hasAlias = names.nationality === 'KOR' && draw.happens(40)
    const alias = hasAlias
      ? `${pickSurname(draw)[0]}　${draw.pick(isMale ? ['明'] : ['恵子'])}`
      : null
    const isSpecial = names.nationality === 'KOR' && isPermanent
    const until = {
      year: today.year + 1 + draw.below(4),
      month: 1 + draw.below(12),
      day: 1 + draw.below(28),
    }
    return {
      name: nameWithAlias(own, alias),
      reading: null,
      formerSurname: null,
      stay: {
        category: isSpecial ? 'special-permanent' : 'mid-to-long-term',
        nationality: names.nationality,
        until: isPermanent ? null : until,
        alias,
      },
    }
  }
}

const ageWeights = agePyramid.flat()

/** Age and sex by the pyramid. */
function person(draw: Draw): Person {
  const cell = draw.weighted(ageWeights)
  return { isMale: cell % 2 === 0, age: Math.floor(cell / 2) * 5 + draw.below(5) }
}

/** A day in the year before the birthday that is still to come. */
function birthDateOf(draw: Draw, age: number, today: CalendarDate): CalendarDate {
  const daysBack = 1 + draw.below(364)
  const day = new Date(Date.UTC(today.year - age, today.month - 1, today.day - daysBack))
  return { year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate() }
}

/** Quarters of the town's own municipalities, real ones; everywhere else names that quarters commonly have. */
const quarters: Readonly<Record<string, readonly string[]>> = {
  '13101': ['飯田橋', '神田神保町', '九段北', '麹町'],
  '13104': ['西新宿', '高田馬場', '市谷田町', '四谷'],
  '14205': ['鵠沼海岸', '辻堂', '湘南台', '片瀬'],
  '23211': ['元城町', '小坂本町', '若宮町', '挙母町'],
  '01202': ['五稜郭町', '湯川町', '元町', '美原'],
  '47201': ['首里当蔵町', '泊', '久茂地', '天久'],
  '13421': ['父島字西町', '父島字東町', '母島字元地'],
}
const commonQuarters = [
  '本町',
  '中央',
  '栄町',
  '緑町',
  '旭町',
  '東町',
  '西町',
  '南町',
  '北町',
  '幸町',
  '新町',
  '元町',
  '泉町',
  '桜町',
  '大手町',
  '若松町',
]

function addressIn(draw: Draw, place: Municipality): string {
  const quarter = draw.pick(quarters[place.code] ?? commonQuarters)
  const house = (limit: number): string => fullWidth(String(1 + draw.below(limit)))
  return `${place.prefecture}${place.name}${quarter}${house(5)}丁目${house(30)}番${house(20)}号`
}
