/**
 * Cosignatures of witnesses below a checkpoint (C2SP tlog-cosignature, Ed25519): each says that, as of a time, this is the largest
 * tree of the log that the witness knows, and that it continues all it knew before. Pure.
 *
 * Not done: the ML-DSA-44 form, which wants a post-quantum signature that the platform's cryptography does not offer yet.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import {
  cosignatureType,
  formatVerifierKey,
  keyIdOf,
  type NamedKey,
  type Note,
  parseVerifierKey,
  signatureLine,
  signaturesOf,
} from './note.ts'
import { failed, type Verdict } from './reason.ts'

/** The name and public key of a witness, as who trusts it keeps them. */
export type WitnessKey = NamedKey

/** A cosignature that holds. */
export type Cosignature = {
  readonly witness: string
  /** Whole seconds since 1970, as the witness says. */
  readonly seconds: number
  /** The line as it stands below the checkpoint. */
  readonly line: string
}

/** Reads a witness's verifier key, `<name>+<key id>+<key>` with type 0x04. Throws on anything else. */
export function parseWitnessKey(text: string): WitnessKey {
  return parseVerifierKey(text, cosignatureType)
}

/** Writes a witness's verifier key. */
export function formatWitnessKey(key: WitnessKey): string {
  return formatVerifierKey(key, cosignatureType)
}

/** Cosigns the text of a checkpoint, as of a time in whole seconds; the signature line. */
export function cosign(
  text: string,
  given: {
    readonly name: string
    readonly key: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
    readonly seconds: number
  },
): string {
  const { name, key, seconds } = given
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(seconds))
  const signature = sign(null, messageOf(text, seconds), key.privateKey)
  const id = keyIdOf(name, key.publicKey, cosignatureType)
  return signatureLine({ name, bytes: Buffer.concat([id, time, signature]) })
}

/**
 * The cosignatures of these witnesses below a note, one each. Lines of others are passed over; one by the key of a trusted witness that
 * does not hold fails the whole (`cosignature-invalid`), for somebody has altered the note.
 */
export function verifyCosignatures(
  note: Note,
  witnesses: readonly WitnessKey[],
): Verdict<readonly Cosignature[]> {
  const found: Cosignature[] = []
  for (const witness of witnesses) {
    const [newest] = signaturesOf(note, witness, cosignatureType)
      .map(bytes => cosignatureIn(note.text, witness, bytes))
      .toSorted((one, other) => (other?.seconds ?? Infinity) - (one?.seconds ?? Infinity))
    if (newest === undefined) {
      if (signaturesOf(note, witness, cosignatureType).length > 0)
        return failed('cosignature-invalid')
    } else found.push(newest)
  }
  return { kind: 'passed', value: found }
}

/** Undefined when it does not hold. */
function cosignatureIn(
  text: string,
  witness: WitnessKey,
  bytes: Uint8Array,
): Cosignature | undefined {
  if (bytes.length !== timeBytes + signatureBytes) return undefined
  const seconds = Number(Buffer.from(bytes).readBigUInt64BE(0))
  if (!Number.isSafeInteger(seconds) || seconds === 0) return undefined
  const holds = verify(null, messageOf(text, seconds), witness.publicKey, bytes.subarray(timeBytes))
  if (!holds) return undefined
  const id = keyIdOf(witness.name, witness.publicKey, cosignatureType)
  const line = signatureLine({ name: witness.name, bytes: Buffer.concat([id, bytes]) })
  return { witness: witness.name, seconds, line }
}

function messageOf(text: string, seconds: number): Uint8Array {
  return new TextEncoder().encode(`cosignature/v1\ntime ${seconds}\n${text}`)
}

const timeBytes = 8
const signatureBytes = 64
