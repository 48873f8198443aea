import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { parseCvCertificate } from './cv-certificate.ts'
import { judgeBirth, judgeFront, judgeMyNumberImage } from './face-record.ts'
import { composePlan, type FreePlan, parsePlan } from './free-plan.ts'
import { parseAttributes, parseIntegrity, parseMyNumber } from './text-record.ts'
import { objectSize } from './tlv.ts'
import { randomFrom, testApplications, testSigner, testTerminal } from './virtual/card-for-tests.ts'

const signer = parseCvCertificate(testSigner().certificate)
assert.ok(signer)
const { text, face } = testApplications()

const file = (files: Readonly<Record<string, string>> | undefined, id: string): Uint8Array =>
  new Uint8Array(Buffer.from(files?.[id] ?? '', 'base64'))

const plan: FreePlan = {
  aid: 'F05345534B03',
  type: 'D',
  hasPin: true,
  files: [{ id: 1, bytes: 600, count: 1 }],
}

/** Each reader with what it reads when nothing is wrong. */
const readers: readonly [Uint8Array, (bytes: Uint8Array) => unknown][] = [
  [testSigner().certificate, parseCvCertificate],
  [testTerminal().terminalCertificate, parseCvCertificate],
  [file(text?.files, '0001'), parseMyNumber],
  [file(text?.files, '0002'), parseAttributes],
  [file(text?.files, '0003'), parseIntegrity],
  [file(face?.files, '0001'), bytes => judgeBirth(bytes, signer)],
  [file(face?.files, '0002'), bytes => judgeFront(bytes, signer)],
  [file(face?.files, '0005'), bytes => judgeMyNumberImage(bytes, signer)],
  [composePlan(plan, new Uint8Array(32)), parsePlan],
  [file(face?.files, '0002'), bytes => objectSize(bytes)],
]

test('no bent or random file makes a reader throw', context => {
  const seed = randomInt(2 ** 32)
  context.diagnostic(`seed ${seed}`)
  const random = randomFrom(seed)
  for (const [whole, read] of readers) {
    assert.ok(whole.length > 0)
    for (let round = 0; round < 400; round++) {
      const copy = Uint8Array.from(whole)
      for (let bend = 0; bend <= random(4); bend++) copy[random(copy.length)] = random(256)
      read(random(3) === 0 ? copy.subarray(0, random(copy.length)) : copy)
      read(Uint8Array.from({ length: random(60) }, () => random(256)))
    }
  }
})

test('no single bent byte of a signed front is believed to be another content', context => {
  const seed = randomInt(2 ** 32)
  context.diagnostic(`seed ${seed}`)
  const random = randomFrom(seed)
  const whole = file(face?.files, '0002')
  const good = judgeFront(whole, signer)
  assert.equal(good.kind, 'done')
  const signed = ({ birthDate, gender, nameImage, addressImage, photo }: typeof good.value) =>
    JSON.stringify([birthDate, gender, [...nameImage], [...addressImage], [...photo]])
  for (let round = 0; round < 1500; round++) {
    const copy = Uint8Array.from(whole)
    const at = random(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << random(8))
    const judged = judgeFront(copy, signer)
    if (judged.kind === 'done') assert.equal(signed(judged.value), signed(good.value), `byte ${at}`)
  }
})
