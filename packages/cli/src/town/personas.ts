/**
 * The people of the town, used by tests, guides and newcomers alike. All of them are synthetic. Everyone has the same PIN
 * and password, so that a newcomer need not look them up.
 */
import type { Persona, PersonaStep, ResidentAttributes } from '@sekisho/authority'
import { type CalendarDate, dateInJapan } from '@sekisho/contract/japan'

/** PIN of every persona's authentication certificate. */
export const personaPin = '2468'
/** Password of every persona's signature certificate. */
export const personaPassword = 'SEKISHO1'

const yearDays = 365.25
const dayMs = 24 * 3600 * 1000

/** Every persona. Dates that depend on today are computed from `now` (milliseconds since 1970 UTC). */
export function personas(now: number): readonly Persona[] {
  const tomorrow = dateInJapan(now + dayMs)
  const soon = dateInJapan(now + 40 * dayMs)
  const notYetFifteen = dateInJapan(now - (14 * yearDays + 100) * dayMs)
  return [
    persona(
      'plain-adult',
      '成人',
      'Plain adult',
      person('佐藤　花子', chiyoda, born(1990, 3, 4), 'female'),
      [card(100)],
    ),
    persona(
      'substitute-characters',
      '代替文字を含む氏名',
      'Name with substitute characters',
      { ...person('𠮷﨑　翔', chiyoda, born(1984, 11, 23), 'male'), nameSubstitutes: '1100' },
      [card(200)],
    ),
    persona(
      'long-address',
      '200文字の住所',
      'Address of 200 characters',
      person('鈴木　一郎', longAddress, born(1979, 7, 15), 'male'),
      [card(30)],
      { municipality: '13104' },
    ),
    persona(
      'former-surname',
      '旧姓併記(婚姻で改姓)',
      'Former surname (changed by marriage)',
      person('高橋　美咲', shinjuku, born(1994, 6, 1), 'female'),
      [
        card(700),
        { daysAgo: 90, what: 'rename', name: '田中　美咲' },
        { daysAgo: 89, what: 'signature' },
      ],
      { municipality: '13104' },
    ),
    persona(
      'foreign-resident',
      'アルファベット氏名の外国人住民',
      'Foreign resident with an alphabet name',
      person('ＳＡＮＴＯＳ　ＭＡＲＩＡ　ＬＵＩＳＡ', toyota, born(1988, 9, 30), 'female'),
      [card(150)],
      {
        municipality: '23211',
        stay: {
          category: 'mid-to-long-term',
          nationality: 'PHL',
          until: dateInJapan(now + 2 * yearDays * dayMs),
          alias: null,
        },
      },
    ),
    persona(
      'fourteen-year-old',
      '14歳(署名用なし)',
      '14 years old (no signature certificate)',
      person('伊藤　蓮', fujisawa, notYetFifteen, 'male'),
      [card(60)],
      { municipality: '14205' },
    ),
    persona(
      'adult-ward',
      '成年被後見人',
      'Adult ward',
      person('渡辺　清', fujisawa, born(1942, 2, 11), 'male'),
      [card(400)],
      { municipality: '14205', isWard: true },
    ),
    persona(
      'moved-today',
      '今日転居した人',
      'Moved today',
      person('山本　結衣', fujisawa, born(1998, 5, 20), 'female'),
      [
        card(500),
        {
          daysAgo: 0,
          what: 'move',
          municipality: '47201',
          address: '沖縄県那覇市首里当蔵町１丁目２番３号',
        },
      ],
      { municipality: '14205' },
    ),
    persona(
      'renewed-card',
      '更新したカード',
      'Renewed card',
      // Renewed 60 days before the end, so in the last three months.
      person('中村　健一', hakodate, onThatDay(1971, soon), 'male'),
      [card(4.5 * yearDays), { daysAgo: 20, what: 'renew' }],
      { municipality: '01202' },
    ),
    persona(
      'lost-card',
      '紛失(一時停止中)',
      'Lost card (held)',
      person('小林　愛', naha, born(1987, 4, 16), 'female'),
      [card(300), { daysAgo: 1, what: 'lost' }],
      { municipality: '47201' },
    ),
    persona(
      'deceased',
      '亡くなった人',
      'Deceased',
      person('加藤　茂', toyota, born(1938, 10, 2), 'male'),
      [card(800), { daysAgo: 10, what: 'deceased' }],
      { municipality: '23211' },
    ),
    persona(
      'overseas',
      '国外転出者',
      'Overseas resident',
      person('吉田　直樹', chiyoda, born(1982, 12, 5), 'male'),
      [card(600), { daysAgo: 40, what: 'overseas' }],
    ),
    persona(
      'locked-pin',
      '暗証番号がロックされた人',
      'Locked PIN',
      person('比嘉　陽子', naha, born(1965, 1, 27), 'female'),
      [card(250), { daysAgo: 2, what: 'lock-pin' }],
      { municipality: '47201' },
    ),
    persona(
      'expiring-tomorrow',
      '明日有効期限が切れる人',
      'Expiring tomorrow',
      person('斎藤　勝', ogasawara, onThatDay(1960, tomorrow), 'male'),
      [card(4 * yearDays + 30)],
      { municipality: '13421' },
    ),
    persona(
      'unknown-birth-day',
      '生まれた日が不詳の人',
      'Unknown day of birth',
      person('金城　和子', naha, { year: 1944, month: 4, day: null }, 'female'),
      [card(120)],
      { municipality: '47201' },
    ),
    persona(
      'pin-always',
      'いつも暗証番号を求める人',
      'Demands the PIN always',
      person('松本　由美', chiyoda, born(1977, 3, 19), 'female'),
      [card(45)],
      { demandsPinAlways: true },
    ),
    ...personasOfRegistry(),
  ]
}

/** People whose state comes from what the register says besides the four attributes. */
function personasOfRegistry(): readonly Persona[] {
  return [
    persona(
      'alias',
      '通称のある特別永住者',
      'Special permanent resident with an alias',
      person('ＫＩＭ　ＭＩＮＪＩ（金田　恵子）', shinjuku, born(1969, 8, 8), 'female'),
      [card(90)],
      {
        municipality: '13104',
        stay: {
          category: 'special-permanent',
          nationality: 'KOR',
          until: null,
          alias: '金田　恵子',
        },
      },
    ),
    persona(
      'abroad-from-birth',
      '国外で生まれ、住民票のない人',
      'Born abroad, never had a resident record',
      person('関　海', chiyoda, born(2001, 2, 14), 'male'),
      [card(70)],
      { isAbroad: true },
    ),
    persona(
      'guardianship-begun',
      '成年後見が始まった人',
      'Guardianship begun',
      person('林　芳子', fujisawa, born(1939, 5, 3), 'female'),
      [card(1000), { daysAgo: 15, what: 'event', event: { what: 'begin-guardianship' } }],
      { municipality: '14205' },
    ),
    persona(
      'number-changed',
      '個人番号を変更した人',
      'My number changed',
      person('清水　智子', hakodate, born(1975, 10, 21), 'female'),
      [card(365), { daysAgo: 5, what: 'event', event: { what: 'change-number' } }],
      { municipality: '01202' },
    ),
    persona(
      'signature-declined',
      '署名用電子証明書を希望しない人',
      'Declined the signature certificate',
      person('石川　修', toyota, born(1958, 12, 1), 'male'),
      [
        {
          daysAgo: 180,
          what: 'event',
          event: { what: 'card', pin: personaPin, withSignature: false },
        },
      ],
      { municipality: '23211' },
    ),
  ]
}

const chiyoda = '東京都千代田区神田神保町１丁目１番１号'
const shinjuku = '東京都新宿区西新宿２丁目８番１号'
const fujisawa = '神奈川県藤沢市鵠沼海岸３丁目４番５号'
const toyota = '愛知県豊田市元城町１丁目６番７号'
const hakodate = '北海道函館市五稜郭町２丁目３番４号'
const naha = '沖縄県那覇市泊１丁目１０番１１号'
const ogasawara = '東京都小笠原村父島字西町２番地'
/** 200 characters, the most that a certificate carries (jpki.md §2.3). */
const longAddress = `東京都新宿区市谷田町${'四丁目とても長い名前の集合住宅の別棟'.repeat(12)}`
  .slice(0, 196)
  .concat('１０１号')

type Birth = ResidentAttributes['birthDate']

function born(year: number, month: number, day: number): Birth {
  return { year, month, day }
}

/** The same day in another year; the 28th where that year has no 29 February. */
function onThatDay(year: number, { month, day }: CalendarDate): Birth {
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return born(year, month, Math.min(day, lastDay))
}

function person(
  name: string,
  address: string,
  birthDate: Birth,
  gender: ResidentAttributes['gender'],
): ResidentAttributes {
  const zeros = (text: string): string => '0'.repeat(Array.from(text).length)
  return {
    name,
    nameSubstitutes: zeros(name),
    formerSurname: null,
    address,
    addressSubstitutes: zeros(address),
    birthDate,
    gender,
  }
}

function card(daysAgo: number): PersonaStep {
  return { daysAgo, what: 'card' }
}

function persona(
  id: string,
  ja: string,
  en: string,
  attributes: ResidentAttributes,
  life: readonly PersonaStep[],
  more: {
    readonly municipality?: string
    readonly isWard?: boolean
    readonly demandsPinAlways?: boolean
    readonly stay?: Persona['stay']
    readonly isAbroad?: boolean
  } = {},
): Persona {
  return {
    id,
    label: { ja, en },
    municipality: more.municipality ?? '13101',
    attributes,
    isWard: more.isWard ?? false,
    stay: more.stay,
    isAbroad: more.isAbroad,
    demandsPinAlways: more.demandsPinAlways ?? false,
    pin: personaPin,
    password: personaPassword,
    life,
  }
}
