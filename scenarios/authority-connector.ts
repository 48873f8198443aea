/**
 * What every `AuthorityConnector` must do, whoever stands behind it (A3–A7, A14): lists and answers that verify, statuses that
 * follow events, queries that are answered once and counted once, refusals for what must not be answered. An implementation for the
 * real authority is shown right by running this with people that it can send through events.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { type AttributeConsent, composeAttributeConsent } from '@sekisho/contract/authority'
import { dateInJapan } from '@sekisho/contract/japan'
import {
  type Certificate,
  encodeOcspRequest,
  judgeByOcsp,
  KeyCache,
  ocspCertId,
  ocspLimits,
  parseCrl,
  partitionOf,
  toHex,
  verifyCrl,
} from '@sekisho/pki'
import type { AuthorityConnector } from '@sekisho/platform'

/** A person whom the suite may do things to. */
export type ConnectorPerson = {
  /** Both certificates as they are on the card now. */
  certificates(): Promise<{ readonly signature: Certificate; readonly authentication: Certificate }>
  /** Signs with the signature key, RSA with SHA-256. */
  sign(text: Uint8Array): Promise<Uint8Array>
  happen(what: 'move' | 'reissue' | 'lost' | 'found' | 'deceased'): Promise<void>
}

/** An implementation and its world. */
export type ConnectorWorld = {
  readonly connector: AuthorityConnector
  readonly anchors: readonly Certificate[]
  /** Under which the authority knows the asking verifier. */
  readonly verifier: string
  now(): number
  /** Another adult, of 20 years and more, with both certificates, each time. */
  person(): Promise<ConnectorPerson>
  /** Lets lists and answers that an event changed come out. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** Defines the tests. */
export function conformConnector(name: string, open: () => Promise<ConnectorWorld>): void {
  describe(`the authority's connector: ${name}`, () => {
    let world: ConnectorWorld
    const keys = new KeyCache(64)
    before(async () => {
      world = await open()
    })
    after(() => world.close())

    let count = 0
    const key = (): string => `conformance-${world.now()}-${++count}`
    const issuerOf = (one: Certificate): Certificate => {
      const id = toHex(one.authorityKeyIdentifier?.keyId ?? new Uint8Array())
      const found = world.anchors.find(each => keyIdOf(each) === id)
      if (found === undefined) throw new Error('a certificate of no anchor')
      return found
    }
    const referenceOf = (one: Certificate) => ({
      issuerKeyId: keyIdOf(issuerOf(one)),
      serial: one.serialHex,
    })
    /** What the list of a certificate's partition says of it; the list is verified. */
    const listed = async (one: Certificate): Promise<string | undefined> => {
      const { partitions } = await world.connector.crlManifest()
      const point = Buffer.from(partitionOf(one)?.raw ?? new Uint8Array()).toString('base64')
      const { issuerKeyId } = referenceOf(one)
      const found = partitions.find(
        each => each.issuerKeyId === issuerKeyId && each.distributionPoint === point,
      )
      assert.ok(found !== undefined, 'every certificate has a list')
      const der = await world.connector.crl(found.path)
      assert.equal(createHash('sha256').update(der).digest('hex'), found.sha256)
      assert.equal(der.length, found.bytes)
      const verdict = verifyCrl(parseCrl(der), world.anchors, keys)
      assert.ok(verdict.kind === 'passed')
      const { list } = verdict.value
      assert.equal(list.number, found.number)
      assert.ok(list.thisUpdate <= world.now() && world.now() < list.nextUpdate)
      return list.find(one.serial)?.reason
    }
    /** The code of the reason against it, by OCSP with a nonce; undefined: it is good. */
    const told = async (
      kind: 'signature' | 'authentication',
      one: Certificate,
    ): Promise<string | undefined> => {
      const issuer = issuerOf(one)
      const nonce = createHash('sha256').update(key()).digest()
      const request = encodeOcspRequest([ocspCertId(one, issuer, 'sha256')], nonce)
      const response = await world.connector.ocsp(kind, request)
      const judged = judgeByOcsp(one, issuer, {
        response,
        nonce,
        at: world.now(),
        limits: ocspLimits,
        keys,
      })
      return judged.kind === 'passed' ? undefined : judged.reasons[0].code
    }

    it('lists of all partitions come whole and verify; a good certificate is on none, and OCSP says good', async () => {
      const { signature, authentication } = await (await world.person()).certificates()
      for (const [kind, one] of [
        ['signature', signature],
        ['authentication', authentication],
      ] as const) {
        assert.equal(await listed(one), undefined)
        assert.equal(await told(kind, one), undefined)
      }
    })

    it('a move ends the signature certificate alone, a hold is lifted, death ends both', async () => {
      const person = await world.person()
      const { signature, authentication } = await person.certificates()
      await person.happen('lost')
      await world.settle()
      assert.equal(await listed(authentication), 'certificateHold')
      assert.equal(await told('authentication', authentication), 'certificate-held')
      await person.happen('found')
      await world.settle()
      assert.equal(await listed(authentication), undefined)
      assert.equal(await told('authentication', authentication), undefined)
      await person.happen('move')
      await world.settle()
      assert.equal(await listed(signature), 'affiliationChanged')
      assert.equal(await told('signature', signature), 'certificate-revoked')
      assert.equal(await told('authentication', authentication), undefined)
      await person.happen('deceased')
      await world.settle()
      assert.notEqual(await listed(authentication), undefined)
      assert.equal(await told('authentication', authentication), 'certificate-revoked')
    })

    // The same for a repeated query: under one key only the very same one is repeated.
    const consent = { statementSha256: 'ab'.repeat(32), givenAt: '2026-11-20T00:00:00Z' }
    const correspond = (signature: Certificate, by = key()) =>
      world.connector.correspondingSerial(
        {
          signature: referenceOf(signature),
          purpose: 'identification',
          consent,
        },
        by,
      )

    it('the corresponding serial costs two yen, once for each key, and another question under it is refused', async () => {
      const { signature, authentication } = await (await world.person()).certificates()
      const other = await (await world.person()).certificates()
      const by = key()
      const before = await totalYen()
      const answer = await correspond(signature, by)
      assert.deepEqual(answer.authentication, referenceOf(authentication))
      assert.deepEqual(await correspond(signature, by), answer)
      await refuses(correspond(other.signature, by), 'authority-refused')
      assert.equal((await totalYen()) - before, 2)
    })

    it('what was never issued gets no answer, and is not counted', async () => {
      const { signature } = await (await world.person()).certificates()
      const before = await totalYen()
      const unknown = { ...referenceOf(signature), serial: '7fffffff' }
      const query = {
        signature: unknown,
        purpose: 'identification',
        consent,
      } as const
      await refuses(world.connector.correspondingSerial(query, key()), 'authority-refused')
      await refuses(
        world.connector.correspondingSerial({ ...query, purpose: 'login' }, key()),
        'authority-refused',
      )
      assert.equal(await totalYen(), before)
    })

    it('the predecessor is one step back, and there is none before the first', async () => {
      const person = await world.person()
      const first = (await person.certificates()).authentication
      await person.happen('reissue')
      const second = (await person.certificates()).authentication
      await person.happen('reissue')
      const third = (await person.certificates()).authentication
      const before = async (one: Certificate) =>
        (await world.connector.predecessor(referenceOf(one), key())).predecessor
      assert.deepEqual(await before(third), referenceOf(second))
      assert.deepEqual(await before(second), referenceOf(first))
      assert.equal(await before(first), null)
    })

    it('an age is yes or no beside a charged check; of a certificate that is not valid nothing', async () => {
      const person = await world.person()
      const { authentication } = await person.certificates()
      const ask = (age: number, by = key()) =>
        world.connector.age(
          { authentication: referenceOf(authentication), age, purpose: 'age-determination' },
          by,
        )
      const answer = await ask(20)
      assert.deepEqual([answer.certificate, answer.isReached], ['valid', true])
      assert.ok(answer.feeYen > 0)
      await person.happen('lost')
      const held = await ask(20)
      assert.deepEqual([held.certificate, held.isReached], ['invalid', null])
      await refuses(ask(47), 'authority-refused')
    })

    it('the standing of terminals that ask without PIN is good now, and names each organisation once', async () => {
      const standing = await world.connector.pinlessStanding()
      assert.ok(Date.parse(standing.thisUpdate) <= world.now())
      assert.ok(world.now() < Date.parse(standing.nextUpdate))
      const codes = standing.organisations.map(one => one.code)
      assert.equal(new Set(codes).size, codes.length)
    })

    it('the latest attributes need the person’s own signed consent, which can be withdrawn at once', async () => {
      const person = await world.person()
      const { signature } = await person.certificates()
      const today = dateInJapan(world.now())
      const day = (years: number): string =>
        [today.year + years, today.month, today.day]
          .map(each => String(each).padStart(2, '0'))
          .join('-')
      const given: AttributeConsent = {
        verifier: world.verifier,
        provider: '試験銀行',
        purpose: '住所変更の届出',
        attributes: ['name', 'address'],
        givenOn: day(0),
        until: day(1),
        number: key(),
      }
      const text = new TextEncoder().encode(composeAttributeConsent(given))
      const signed = Buffer.from(await person.sign(text)).toString('base64')
      const ask = (attributes: ('name' | 'address' | 'birthdate')[], signedText = text) =>
        world.connector.latestAttributes(
          {
            signature: referenceOf(signature),
            purpose: 'attribute-update',
            attributes,
            consent: {
              text: Buffer.from(signedText).toString('base64'),
              signature: signed,
              signedWith: referenceOf(signature),
            },
          },
          key(),
        )
      const before = await ask(['address'])
      await person.happen('move')
      const after = await ask(['address'])
      assert.notEqual(after.attributes?.address, before.attributes?.address)
      assert.deepEqual(Object.keys(after.attributes ?? {}), ['address'])
      await refuses(ask(['birthdate']), 'authority-refused')
      await refuses(ask(['address'], text.with(text.length - 2, 0x21)), 'authority-refused')
      await world.connector.withdrawConsent(given.number)
      await refuses(ask(['address']), 'authority-refused')
    })

    async function totalYen(): Promise<number> {
      const { year, month } = dateInJapan(world.now())
      const statement = await world.connector.usageStatement(
        `${year}-${String(month).padStart(2, '0')}`,
      )
      const lines = statement.lines.reduce((sum, line) => sum + line.feeYen, 0)
      assert.equal(statement.totalYen, lines)
      return statement.totalYen
    }
  })
}

function keyIdOf(anchor: Certificate): string {
  return toHex(anchor.subjectKeyIdentifier ?? new Uint8Array())
}

async function refuses(work: Promise<unknown>, code: RefusalCode): Promise<void> {
  await assert.rejects(work, error => error instanceof Refusal && error.code === code)
}
