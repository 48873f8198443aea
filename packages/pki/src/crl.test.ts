import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCertificate } from './certificate.ts'
import { parseCrl } from './crl.ts'
import { judgeByCrls, verifyCrl } from './crl-judgement.ts'
import { DerReader, MalformedError, tags, toHex } from './der.ts'
import { bitString, element, objectIdentifier, octetString, sequence } from './der-writer.ts'
import { encodeSignatureAlgorithm } from './algorithm.ts'
import { extension, issueCertificate, keyIdentifier, signed } from './issue/certificate.ts'
import { partitionName } from './issue/jpki.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { keyUsages } from './extension.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { jpkiTown } from './profile.ts'
import { RevocationIndex } from './revocation-index.ts'
import { reasonOfNumber } from './revocation-reason.ts'
import {
  codeOf,
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const stranger = specimenAuthority('signature', 4)
const algorithm = encodeSignatureAlgorithm('rsa-sha256')
const reasonId = objectIdentifier('2.5.29.21')
const leaf = specimenLeaf('signature', authority, 1)

function judge(lists: readonly Uint8Array[], at = specimenNow): string {
  return codeOf(judgeByCrls(leaf, authority.certificate, { lists, at, keys }))
}

test('openssl verifies our lists and prints the same entries', () => {
  using judge = new OpensslJudge()
  const list = specimenCrl('signature', authority, {
    number: 4660,
    deltaBase: 4650,
    entries: [
      specimenEntry(Uint8Array.of(0x81, 2, 3), 'affiliationChanged'),
      specimenEntry(Uint8Array.of(5), 'certificateHold'),
      specimenEntry(Uint8Array.of(6), 'unspecified'),
    ],
  })
  const anchor = judge.pem('ca.pem', 'CERTIFICATE', authority.certificate.raw)
  const file = judge.pem('list.pem', 'X509 CRL', list)
  const said = judge.run('crl', '-in', file, '-noout', '-text', '-CAfile', anchor)
  assert.match(said.text, /verify OK/)
  assert.match(said.text, /CRL Number: \s+4660/)
  assert.match(said.text, /Delta CRL Indicator: critical\s+4650/)
  assert.match(
    said.text,
    /Issuing Distribution Point: critical\s+Full Name:\s+DirName:.*CN ?= ?Chiyoda-ku CRLDP/,
  )
  assert.match(said.text, /Serial Number: 810203\s+Revocation Date: Nov {2}1 00:00:00 2026 GMT/)
  assert.match(said.text, /Affiliation Changed[^]*Certificate Hold/)
  const parsed = parseCrl(list)
  assert.equal(parsed.count, 3)
  assert.deepEqual(parsed.find(Uint8Array.of(0, 0x81, 2, 3)), {
    revokedAt: Date.UTC(2026, 10, 1),
    reason: 'affiliationChanged',
  })
  assert.equal(parsed.find(Uint8Array.of(7)), undefined)
})

test('openssl, checking revocation, agrees about a revoked and a good certificate', () => {
  using judge = new OpensslJudge()
  const anchor = judge.pem('ca.pem', 'CERTIFICATE', authority.certificate.raw)
  const file = judge.pem('leaf.pem', 'CERTIFICATE', leaf.raw)
  const check = (list: Uint8Array): string =>
    judge.run(
      'verify',
      '-crl_check',
      '-attime',
      String(specimenNow / 1000),
      '-CAfile',
      anchor,
      '-CRLfile',
      judge.pem('list.pem', 'X509 CRL', list),
      file,
    ).text
  assert.match(check(specimenCrl('signature', authority)), /leaf\.pem: OK/)
  const entries = [specimenEntry(leaf.serial, 'keyCompromise')]
  assert.match(check(specimenCrl('signature', authority, { entries })), /certificate revoked/)
})

test('a fresh list of the right partition that does not name the certificate makes it good', () => {
  assert.equal(judge([specimenCrl('signature', authority)]), 'passed')
  const other = [specimenEntry(Uint8Array.of(9), 'superseded')]
  assert.equal(judge([specimenCrl('signature', authority, { entries: other })]), 'passed')
  assert.equal(judge([specimenCrl('signature', authority, { partition: undefined })]), 'passed')
})

test('a named certificate is revoked, and one on hold is held', () => {
  const list = (reason: 'keyCompromise' | 'certificateHold'): Uint8Array =>
    specimenCrl('signature', authority, { entries: [specimenEntry(leaf.serial, reason)] })
  assert.equal(judge([list('keyCompromise')]), 'certificate-revoked')
  assert.equal(judge([list('certificateHold')]), 'certificate-held')
})

test('a list past its next update, or issued later, is indeterminate, never good', () => {
  const list = specimenCrl('signature', authority)
  const { thisUpdate, nextUpdate } = parseCrl(list)
  assert.equal(judge([list], nextUpdate), 'passed')
  assert.equal(judge([list], nextUpdate + 1), 'crl-stale')
  assert.equal(judge([list], thisUpdate - 1), 'crl-not-yet-valid')
})

test('a list of another municipality, another kind or another generation says nothing', () => {
  const partition = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Minato-ku')
  assert.equal(judge([specimenCrl('signature', authority, { partition })]), 'crl-other-partition')
  const kind = specimenAuthority('authentication', 2)
  assert.equal(judge([specimenCrl('authentication', kind)]), 'crl-other-issuer')
  assert.equal(judge([specimenCrl('signature', stranger)]), 'crl-other-issuer')
  assert.equal(judge([]), 'revocation-missing')
})

test('a list with a bad signature counts for nothing, even when it names the certificate', () => {
  const forged = specimenCrl(
    'signature',
    { ...authority, sign: stranger.sign },
    { entries: [specimenEntry(leaf.serial, 'keyCompromise')] },
  )
  assert.equal(judge([forged]), 'crl-signature-bad')
  assert.equal(judge([forged, specimenCrl('signature', authority)]), 'passed')
})

test('an issuer without the right to sign lists signs none', () => {
  const { certificate } = authority
  const mute = parseCertificate(
    issueCertificate(
      {
        ...certificate,
        extensions: [extension.basicConstraints(true), extension.keyUsage(keyUsages.keyCertSign)],
      },
      'rsa-sha256',
      authority.sign,
    ),
  )
  const verdict = verifyCrl(parseCrl(specimenCrl('signature', authority)), [mute], keys)
  assert.equal(codeOf(verdict), 'crl-issuer-key-usage')
})

test('of several lists the newest counts, and a delta over it', () => {
  const revoked = [specimenEntry(leaf.serial, 'certificateHold')]
  const lifted = [specimenEntry(leaf.serial, 'removeFromCRL')]
  const older = specimenCrl('signature', authority, { number: 7, entries: revoked })
  const newer = specimenCrl('signature', authority, { number: 8 })
  assert.equal(judge([older, newer]), 'passed')
  const delta = (number: number, deltaBase: number, entries = lifted): Uint8Array =>
    specimenCrl('signature', authority, { number, deltaBase, entries })
  assert.equal(judge([older, delta(9, 7)]), 'passed')
  assert.equal(judge([newer, delta(9, 7, revoked)]), 'certificate-held')
  assert.equal(
    judge([older, delta(9, 8)]),
    'certificate-held',
    'a delta to a later base is not used',
  )
  assert.equal(judge([delta(9, 7)]), 'crl-base-missing')
})

test('a list of a wider scope with a higher number does not hide a revocation in the partition', () => {
  const entries = [specimenEntry(leaf.serial, 'superseded')]
  const partition = specimenCrl('signature', authority, { number: 3, entries })
  const whole = specimenCrl('signature', authority, { number: 9, partition: undefined })
  assert.equal(judge([partition, whole]), 'certificate-revoked')
  assert.equal(judge([whole, partition]), 'certificate-revoked')
})

test('a list without number, with a critical number, or of version 1 is malformed', () => {
  const good = parseCrl(specimenCrl('signature', authority))
  const replaced = Buffer.from(good.tbs).toString('hex')
  const rebuilt = (from: string, to: string): Uint8Array => {
    assert.ok(replaced.includes(from))
    const tbs = Uint8Array.from(Buffer.from(replaced.replace(from, to), 'hex'))
    return signed(tbs, 'rsa-sha256', authority.sign)
  }
  // CRL number 2.5.29.20 becomes 2.5.29.99, unknown but not critical.
  assert.throws(() => parseCrl(rebuilt('0603551d14', '0603551d63')), MalformedError)
  assert.throws(() => parseCrl(rebuilt('020101300d', '020100300d')), MalformedError)
})

test('a critical extension that nobody knows makes a list unusable', () => {
  const good = parseCrl(specimenCrl('signature', authority))
  const hex = Buffer.from(good.tbs).toString('hex')
  // The issuing distribution point 2.5.29.28 becomes 2.5.29.99, still critical.
  const tbs = Uint8Array.from(Buffer.from(hex.replace('0603551d1c', '0603551d63'), 'hex'))
  assert.equal(judge([signed(tbs, 'rsa-sha256', authority.sign)]), 'crl-extension-unknown')
})

test('two hundred thousand entries are read and asked in well under a second', () => {
  const count = 200_000
  const serialOf = (i: number): Uint8Array => Uint8Array.of(0x30, i >>> 16, i >>> 8, i)
  const entries = Array.from({ length: count }, (_, i) =>
    specimenEntry(serialOf(i * 3), 'superseded'),
  )
  const der = specimenCrl('signature', authority, { entries })
  const began = performance.now()
  const list = parseCrl(der)
  const verified = verifyCrl(list, [authority.certificate], keys)
  assert.ok(verified.kind === 'passed')
  const { index } = RevocationIndex.empty.withLists([verified.value])
  const took = performance.now() - began
  assert.equal(index.count, count)
  assert.ok(took < 1000, `${took} ms`)
  const ask = (serial: Uint8Array): string =>
    index.lookup(
      specimenLeaf('signature', authority, 1, { serial }),
      authority.certificate,
      specimenNow,
    ).state
  assert.equal(ask(serialOf(0)), 'revoked')
  assert.equal(ask(serialOf(3 * (count - 1))), 'revoked')
  assert.equal(ask(serialOf(4)), 'good')
})

test('a list signed with a key that is not the named issuer is told apart by the key identifier', () => {
  const list = specimenCrl('signature', stranger, {
    issuerKeyId: keyIdentifier(poolKey(4).spki),
  })
  const verdict = verifyCrl(parseCrl(list), [authority.certificate, stranger.certificate], keys)
  assert.ok(verdict.kind === 'passed' && verdict.value.issuer === stranger.certificate)
})

test('entries of the usual form are read as they are step by step, whatever stands in them', () => {
  const seed = 20261104
  let x = seed
  const next = (limit: number): number => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0
    return (x >>> 8) % limit
  }
  const frame = Buffer.from(parseCrl(specimenCrl('signature', authority)).tbs).toString('hex')
  const read = (entry: Uint8Array): string => {
    // The list has no entries: they go before the extensions.
    const at = frame.indexOf('a0', frame.indexOf('5a', frame.indexOf('5a') + 2))
    const parts = [frame.slice(frame.startsWith('3082') ? 8 : 6, at), frame.slice(at)].map(each =>
      Uint8Array.from(Buffer.from(each, 'hex')),
    )
    const [before = entry, after = entry] = parts
    const tbs = sequence(before, sequence(entry), after)
    try {
      const found = parseCrl(sequence(tbs, algorithm, bitString(Uint8Array.of(0)))).entryAt(0)
      return `${found.revokedAt} ${found.reason}`
    } catch (error) {
      assert.ok(error instanceof MalformedError)
      return error.code
    }
  }
  const two = (value: number): string => String(value).padStart(2, '0')
  for (let i = 0; i < 4000; i++) {
    const day = `${two(next(100))}${two(next(14))}${two(next(33))}`
    const time = `${two(next(25))}${two(next(61))}${two(next(61))}${next(50) === 0 ? 'z' : 'Z'}`
    const text = next(40) === 0 ? `${day}${time}`.replace(/\d/, ':') : `${day}${time}`
    const utcTime = element(tags.utcTime, new TextEncoder().encode(text))
    const reason = next(12)
    const serial = Uint8Array.from({ length: next(4) }, () => [0, 1, 0x80, 0xff][next(4)] ?? 0)
    const extensions =
      reason === 11
        ? []
        : [
            sequence(
              sequence(reasonId, octetString(element(tags.enumerated, Uint8Array.of(reason)))),
            ),
          ]
    const usual = sequence(element(tags.integer, serial), utcTime, ...extensions)
    let expected = 'integer-not-minimal'
    const isMinimal =
      serial.length === 1 ||
      (serial.length > 1 &&
        !(serial[0] === 0 && (serial[1] ?? 0) < 0x80) &&
        !(serial[0] === 0xff && (serial[1] ?? 0) >= 0x80))
    if (isMinimal) {
      try {
        const at = Math.max(0, new DerReader(utcTime).readTime())
        const name = reason === 11 ? 'unspecified' : reasonOfNumber(reason)
        // Entries are taken away by delta lists only.
        const isRefused = name === undefined || name === 'removeFromCRL'
        expected = isRefused ? 'value-invalid' : `${at} ${name}`
      } catch (error) {
        assert.ok(error instanceof MalformedError)
        expected = error.code
      }
    }
    assert.equal(read(usual), expected, `${text} ${reason} ${toHex(serial)} seed ${seed}`)
  }
})
