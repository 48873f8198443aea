/**
 * Synthetic residents from a seed: common names, a plausible spread of ages, addresses of the right municipality. None of
 * them exists; a likeness is chance. Deterministic for a seed.
 */
import { type Municipality, municipalityOf } from '@sekisho/contract/japan'
import type { Random } from '@sekisho/runtime/random'
import { fullWidth, substitutesOf } from './character.ts'
import type { ResidentAttributes } from './resident.ts'
import { townMunicipalities } from './town-place.ts'

const surnames = [
  '佐藤',
  '鈴木',
  '高橋',
  '田中',
  '伊藤',
  '渡辺',
  '山本',
  '中村',
  '小林',
  '加藤',
  '吉田',
  '山田',
  '佐々木',
  '松本',
  '井上',
  '木村',
  '清水',
  '林',
  '斎藤',
  '山口',
  '比嘉',
  '金城',
  '石川',
  '森',
  '池田',
  '橋本',
  '阿部',
  '前田',
  '藤田',
  '岡田',
]
const givenMale = [
  '翔太',
  '大輔',
  '健一',
  '誠',
  '拓也',
  '浩',
  '隆',
  '悠斗',
  '蓮',
  '湊',
  '陽翔',
  '茂',
  '勝',
  '清',
  '直樹',
  '和也',
]
const givenFemale = [
  '陽子',
  '恵子',
  '美咲',
  '愛',
  '結衣',
  '葵',
  '陽菜',
  '和子',
  '幸子',
  '由美',
  '智子',
  '真由美',
  '凛',
  '紬',
  '久美子',
  '芳子',
]
const towns: Readonly<Record<string, readonly string[]>> = {
  '13101': ['飯田橋', '神田神保町', '九段北', '麹町'],
  '13104': ['西新宿', '高田馬場', '市谷田町', '四谷'],
  '14205': ['鵠沼海岸', '辻堂', '湘南台', '片瀬'],
  '23211': ['元城町', '小坂本町', '若宮町', '挙母町'],
  '01202': ['五稜郭町', '湯川町', '元町', '美原'],
  '47201': ['首里当蔵町', '泊', '久茂地', '天久'],
  '13421': ['父島字西町', '父島字東町', '母島字元地'],
}
/** Share of the population by age in decades from 0 on, roughly that of Japan. */
const ageWeights = [8, 9, 10, 11, 14, 13, 12, 13, 8, 2]

/** A generated resident. */
export type GeneratedResident = {
  readonly municipality: string
  readonly attributes: ResidentAttributes
}

/** Makes `count` residents for a town whose present year is `year`. */
export function* generateResidents(
  random: Random,
  count: number,
  year: number,
): Generator<GeneratedResident> {
  for (let made = 0; made < count; made++) {
    const municipality = municipalityOf(pick(random, townMunicipalities))
    if (municipality === undefined) throw new RangeError('a place without a code')
    const gender = draw(random, 2) === 0 ? 'male' : 'female'
    const name = `${pick(random, surnames)}　${pick(random, gender === 'male' ? givenMale : givenFemale)}`
    const address = addressIn(random, municipality)
    yield {
      municipality: municipality.code,
      attributes: {
        name,
        nameSubstitutes: substitutesOf(name),
        formerSurname: null,
        address,
        addressSubstitutes: substitutesOf(address),
        birthDate: {
          year: year - 1 - age(random),
          month: 1 + draw(random, 12),
          day: 1 + draw(random, 28),
        },
        gender,
      },
    }
  }
}

/** A synthetic address in a municipality. */
function addressIn(random: Random, municipality: Municipality): string {
  const town = pick(random, towns[municipality.code] ?? ['本町'])
  const house = (limit: number): string => fullWidth(String(1 + draw(random, limit)))
  return `${municipality.prefecture}${municipality.name}${town}${house(5)}丁目${house(30)}番${house(20)}号`
}

function age(random: Random): number {
  const total = ageWeights.reduce((sum, weight) => sum + weight, 0)
  let at = draw(random, total)
  const decade = ageWeights.findIndex(weight => (at -= weight) < 0)
  return Math.max(0, decade) * 10 + draw(random, 10)
}

/** A number from 0 to below `limit`. Bias below one in a million for limits of the lists above. */
function draw(random: Random, limit: number): number {
  const bytes = random.bytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) % limit
}

function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[draw(random, list.length)]
  if (found === undefined) throw new RangeError('an empty list')
  return found
}
