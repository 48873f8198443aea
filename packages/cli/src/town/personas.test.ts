import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startAuthority } from '@sekisho/authority'
import { parseCardState, type CardState } from '@sekisho/card/virtual'
import {
  parseCertificate,
  parseCrl,
  readFourAttributes,
  type RevocationReason,
  toHex,
} from '@sekisho/pki'
import { crlManifest } from '@sekisho/contract/authority'
import { dateInJapan } from '@sekisho/contract/japan'
import { fixedClock, protocolNow } from '@sekisho/runtime/clock'
import { type TemporaryFolder, temporaryFolder } from '@sekisho/runtime/files'
import { createKey, masterKeyOf } from '@sekisho/runtime/keys'
import { silentLog } from '@sekisho/runtime/log'
import { createFetch, freePort, signRequest } from '@sekisho/runtime/net'
import { seededRandom, systemRandom } from '@sekisho/runtime/random'
import { openEmbedded } from '@sekisho/runtime/store'
import { personaPassword, personaPin, personas } from './personas.ts'

/** State of a certificate: what lies on the card, judged by the lists that the authority publishes. */
type Standing = 'valid' | 'none' | RevocationReason

/** The states that docs/personas.md tells, signature certificate first. */
const expected: Readonly<Record<string, readonly [signature: Standing, authentication: Standing]>> =
  {
    'plain-adult': ['valid', 'valid'],
    'substitute-characters': ['valid', 'valid'],
    'long-address': ['valid', 'valid'],
    'former-surname': ['valid', 'valid'],
    'foreign-resident': ['valid', 'valid'],
    'fourteen-year-old': ['none', 'valid'],
    'adult-ward': ['none', 'valid'],
    'moved-today': ['affiliationChanged', 'valid'],
    'renewed-card': ['valid', 'valid'],
    'lost-card': ['certificateHold', 'certificateHold'],
    deceased: ['affiliationChanged', 'affiliationChanged'],
    overseas: ['affiliationChanged', 'valid'],
    'locked-pin': ['valid', 'valid'],
    'expiring-tomorrow': ['valid', 'valid'],
    'unknown-birth-day': ['valid', 'valid'],
    'pin-always': ['valid', 'valid'],
    alias: ['valid', 'valid'],
    'abroad-from-birth': ['none', 'valid'],
    'guardianship-begun': ['cessationOfOperation', 'valid'],
    'number-changed': ['cessationOfOperation', 'cessationOfOperation'],
    'signature-declined': ['none', 'valid'],
  }

/** A plain day, and those on which calendars go wrong. */
const days = [
  Date.UTC(2026, 10, 20, 3),
  Date.UTC(2026, 11, 31, 15),
  Date.UTC(2028, 1, 27, 20),
  Date.UTC(2028, 1, 28, 20),
]

for (const at of days)
  describe(`the people of a town that began on ${new Date(at).toISOString()}`, () => {
    let folder: TemporaryFolder
    const cards = new Map<string, CardState>()
    const listed = new Map<string, RevocationReason>()

    before(async () => {
      folder = await temporaryFolder('personas')
      const engine = await openEmbedded('memory')
      const caller = createFetch()
      const [port, key] = [await freePort(), await createKey('ec-p256')]
      const url = `http://authority.localhost:${port}`
      const cardsFolder = join(folder.path, 'cards')
      const authority = await startAuthority({
        port,
        publicOrigin: url,
        adminPath: join(folder.path, 'admin.sock'),
        engine,
        cardsFolder,
        caKeysFolder: cardsFolder,
        personas: personas(at),
        residents: 0,
        verifiers: [{ id: 'test', ...key, accreditedFor: [] }],
        answerKey: key,
        numbersKey: masterKeyOf(new Uint8Array(32), systemRandom()),
        clock: fixedClock(at),
        random: systemRandom(),
        seed: seededRandom('personas'),
        log: silentLog(),
      })
      try {
        for (const name of await readdir(cardsFolder)) {
          const persona = /^(.*)\.card\.json$/.exec(name)?.[1]
          if (persona !== undefined)
            cards.set(
              persona,
              parseCardState(JSON.parse(await readFile(join(cardsFolder, name), 'utf8'))),
            )
        }
        const asked = {
          method: 'GET',
          url: `${url}/crl/manifest`,
          headers: {},
          body: new Uint8Array(),
        }
        const nonce = systemRandom().token(128)
        const headers = signRequest(asked, { key, at: protocolNow(), nonce })
        const answer = await caller.fetch(asked.url, { headers: { ...headers } })
        for (const { path } of crlManifest.parse(await answer.json()).partitions) {
          const response = await caller.fetch(`${url}${path}`)
          const list = parseCrl(new Uint8Array(await response.arrayBuffer()))
          for (let index = 0; index < list.count; index++) {
            const entry = list.entryAt(index)
            listed.set(toHex(list.serialAt(index)), entry.reason)
          }
        }
      } finally {
        await caller.close()
        await authority.stop()
        await engine.close()
      }
    })
    after(() => folder.remove())

    const onCard = (persona: string, kind: 'signature' | 'authentication') => {
      const encoded = cards.get(persona)?.[kind].certificate
      return encoded === null || encoded === undefined
        ? undefined
        : parseCertificate(Buffer.from(encoded, 'base64'))
    }
    const attributesOf = (persona: string) => {
      const certificate = onCard(persona, 'signature')
      assert.ok(certificate)
      const read = readFourAttributes(certificate)
      assert.ok(read.kind === 'passed')
      return read.value
    }

    it('are twenty-one, each with a card', () => {
      assert.deepEqual([...cards.keys()].toSorted(), Object.keys(expected).toSorted())
    })

    for (const [persona, states] of Object.entries(expected))
      it(`${persona}: ${states.join(' and ')}`, () => {
        for (const [index, kind] of (['signature', 'authentication'] as const).entries()) {
          const certificate = onCard(persona, kind)
          if (states[index] === 'none') {
            assert.equal(certificate, undefined)
            continue
          }
          assert.ok(certificate)
          assert.ok(certificate.notBefore <= at && at <= certificate.notAfter)
          assert.equal(listed.get(toHex(certificate.serial)) ?? 'valid', states[index])
        }
      })

    it('have the PIN and password that everybody has', () => {
      for (const [persona, card] of cards) {
        assert.equal(card.authentication.secret, personaPin)
        if (onCard(persona, 'signature')) assert.equal(card.signature.secret, personaPassword)
      }
    })

    it('are what their names say', () => {
      assert.equal(cards.get('locked-pin')?.authentication.triesLeft, 0)
      assert.equal(cards.get('pin-always')?.demandsPinAlways, true)
      assert.equal(cards.get('plain-adult')?.demandsPinAlways, false)
      assert.equal(attributesOf('substitute-characters').name, '〓〓　翔')
      assert.equal(Array.from(attributesOf('long-address').address).length, 200)
      assert.equal(attributesOf('former-surname').name, '田中　美咲')
      assert.match(attributesOf('foreign-resident').name, /^[Ａ-Ｚ　]+$/)
      assert.equal(attributesOf('alias').name, 'ＫＩＭ　ＭＩＮＪＩ（金田　恵子）')
      assert.equal(attributesOf('unknown-birth-day').birthDate.kind, 'partial')
    })

    it('the one that expires tomorrow does', () => {
      const { year, month, day } = dateInJapan(at + 24 * 3600 * 1000)
      // The last second of the day in Japan, nine hours ahead.
      const lastSecond = Date.UTC(year, month - 1, day, 14, 59, 59)
      for (const kind of ['signature', 'authentication'] as const)
        assert.equal(onCard('expiring-tomorrow', kind)?.notAfter, lastSecond)
    })

    it('the foreign resident’s card and certificates end with the stay, before the fifth birthday', () => {
      const until = dateInJapan(at + 2 * 365.25 * 24 * 3600 * 1000)
      const lastSecond = Date.UTC(until.year, until.month - 1, until.day, 14, 59, 59)
      for (const kind of ['signature', 'authentication'] as const)
        assert.equal(onCard('foreign-resident', kind)?.notAfter, lastSecond)
      const day = `${until.year}${String(until.month).padStart(2, '0')}${String(until.day).padStart(2, '0')}`
      assert.equal(cards.get('foreign-resident')?.expires, day)
    })

    it('the one with a renewed card renewed early enough for the sixth birthday', () => {
      const end = dateInJapan(onCard('renewed-card', 'authentication')?.notAfter ?? 0)
      const soon = dateInJapan(at + 40 * 24 * 3600 * 1000)
      assert.equal(end.year, soon.year + 5)
      assert.equal(end.month, soon.month)
    })
  })

describe('whatever day a town begins', () => {
  const dayMs = 24 * 3600 * 1000
  const from = Date.UTC(2026, 0, 1, 15)
  const every = Array.from({ length: 8 * 366 }, (_, index) => from + index * dayMs)

  it('the fourteen-year-old is fourteen, and was when the card was handed out', () => {
    for (const began of every) {
      const young = personas(began).find(one => one.id === 'fourteen-year-old')
      assert.ok(young)
      const [step] = young.life
      const issued = began - (step?.daysAgo ?? 0) * dayMs
      for (const day of [began, issued]) assert.equal(ageOn(young.attributes.birthDate, day), 14)
    }
  })

  it('every birth date is a day of the calendar and lies in the past', () => {
    for (const began of every)
      for (const { id, attributes } of personas(began)) {
        const { year, month, day } = attributes.birthDate
        assert.ok(year !== null && month !== null, id)
        const last = new Date(Date.UTC(year, month, 0)).getUTCDate()
        assert.ok(day === null || (day >= 1 && day <= last), `${id} ${year}-${month}-${day}`)
        assert.ok(Date.UTC(year, month - 1, day ?? 1) < began, id)
      }
  })
})

/** Full years on a day in Japan; a person grows older on the birthday itself. */
function ageOn(
  birth: {
    readonly year: number | null
    readonly month: number | null
    readonly day: number | null
  },
  at: number,
): number {
  const today = dateInJapan(at)
  const { year, month, day } = birth
  assert.ok(year !== null && month !== null && day !== null)
  const hadBirthday = today.month > month || (today.month === month && today.day >= day)
  return today.year - year - (hadBirthday ? 0 : 1)
}
