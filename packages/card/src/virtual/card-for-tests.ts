/** Synthetic cards for the tests of this package; nothing outside tests imports it. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { poolKey } from '@sekisho/pki/issue'
import { type CardState, personalise } from './state.ts'

/** A key pair of the TEST ONLY pool. */
export type TestKey = { readonly pkcs8: Uint8Array; readonly publicKey: KeyObject }

/** The pool's RSA-2048 key of that index. */
export function testKey(index: number): TestKey {
  const { pkcs8, spki } = poolKey(index)
  return {
    pkcs8,
    publicKey: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }),
  }
}

/** A DER SEQUENCE that stands for a certificate: the card does not look inside. */
export function standIn(size: number, filler: number): Uint8Array {
  return Uint8Array.from([0x30, 0x82, size >> 8, size & 255, ...Array<number>(size).fill(filler)])
}

/** PIN 1234, password SEKISHO1, certificates of different fillers and sizes. */
export function testCard(authentication: TestKey, signature?: TestKey): CardState {
  return personalise({
    serial: '123456789012345',
    municipality: '13101',
    expires: '20351120',
    authentication: {
      privateKey: authentication.pkcs8,
      certificate: standIn(1500, 0xaa),
      caCertificate: standIn(1000, 0xab),
      pin: '1234',
    },
    ...(signature === undefined
      ? {}
      : {
          signature: {
            privateKey: signature.pkcs8,
            certificate: standIn(1700, 0xbb),
            caCertificate: standIn(1001, 0xbc),
            password: 'sekisho1',
          },
        }),
  })
}

/** Bytes as upper-case hex, for messages of assertions. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase()
}

/** A small deterministic generator for random tests (mulberry32); the seed is printed by the test. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
