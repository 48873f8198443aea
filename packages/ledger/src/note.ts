/** Signed notes (C2SP signed-note): a text, and lines of signatures by named keys below it. Pure. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'

/** The type byte of a signature by Ed25519 over the text itself. */
export const ed25519Type = 0x01
/** That of a cosignature with a time (C2SP tlog-cosignature). */
export const cosignatureType = 0x04

type SignatureType = typeof ed25519Type | typeof cosignatureType

/** A key and the name it goes by. */
export type NamedKey = { readonly name: string; readonly publicKey: KeyObject }

/** One line below a note. */
export type NoteSignature = {
  readonly name: string
  /** Four bytes that name the key, and the signature. */
  readonly bytes: Uint8Array
}

/** A note as it was read; nothing of it is verified. */
export type Note = {
  /** With its last newline, as it was signed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/**
 * Reads a verifier key of this type, `<name>+<key id>+<base64 of type and key>` (signed-note, "vkey"). Throws on anything else: a wrong
 * key is a mistake of set-up, not of whoever signs.
 */
export function parseVerifierKey(text: string, type: SignatureType): NamedKey {
  const [name, id, ...rest] = text.split('+')
  const bytes = Buffer.from(rest.join('+'), 'base64')
  if (name === undefined || !isName(name) || bytes.length !== 33 || bytes[0] !== type) {
    throw new Error('this is not a verifier key')
  }
  const x = bytes.subarray(1).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  if (Buffer.from(keyIdOf(name, publicKey, type)).toString('hex') !== id) {
    throw new Error('the verifier key does not match its own id')
  }
  return { name, publicKey }
}

/** Writes a verifier key. */
export function formatVerifierKey({ name, publicKey }: NamedKey, type: SignatureType): string {
  const id = Buffer.from(keyIdOf(name, publicKey, type)).toString('hex')
  const key = Buffer.concat([Uint8Array.of(type), rawPublicKey(publicKey)]).toString('base64')
  return `${name}+${id}+${key}`
}

/** The four bytes that name a key in a signature line. */
export function keyIdOf(name: string, publicKey: KeyObject, type: SignatureType): Uint8Array {
  const sha256 = createHash('sha256').update(`${name}\n`).update(Uint8Array.of(type))
  return Uint8Array.from(sha256.update(rawPublicKey(publicKey)).digest().subarray(0, 4))
}

/** Whether this can name a key: neither spaces nor a plus. */
export function isName(text: string): boolean {
  return /^[^\s+]+$/u.test(text)
}

/** Text and signatures of a note; undefined when it is none. */
export function splitNote(note: string): Note | undefined {
  const cut = note.lastIndexOf('\n\n')
  if (cut < 0 || note.length > noteLengthMax || !note.endsWith('\n')) return undefined
  const text = note.slice(0, cut + 1)
  // A line of the text may be unknown to us, but never empty.
  const lines = text.split('\n').slice(0, -1)
  if (lines.some(line => line === '')) return undefined
  const signatures = readSignatures(note.slice(cut + 2))
  return signatures === undefined ? undefined : { text, signatures }
}

/** Signature lines, each with its newline; undefined when there is none, or one is malformed. */
export function readSignatures(lines: string): readonly NoteSignature[] | undefined {
  if (!lines.endsWith('\n') || lines.length > noteLengthMax) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines.slice(0, -1).split('\n')) {
    const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? []
    if (name === undefined || encoded === undefined) return undefined
    const bytes = Buffer.from(encoded, 'base64')
    if (bytes.length < 5 || bytes.toString('base64') !== encoded) return undefined
    signatures.push({ name, bytes: Uint8Array.from(bytes) })
  }
  return signatures
}

/** A signature line with its newline. */
export function signatureLine({ name, bytes }: NoteSignature): string {
  return `— ${name} ${Buffer.from(bytes).toString('base64')}\n`
}

/** The signatures of a note that this key is said to have made: bytes after the key's id. */
export function signaturesOf(
  note: Pick<Note, 'signatures'>,
  { name, publicKey }: NamedKey,
  type: SignatureType,
): readonly Uint8Array[] {
  const id = Buffer.from(keyIdOf(name, publicKey, type))
  return note.signatures
    .filter(one => one.name === name && id.equals(one.bytes.subarray(0, 4)))
    .map(({ bytes }) => bytes.subarray(4))
}

/** The 32 bytes of an Ed25519 public key. */
function rawPublicKey(key: KeyObject): Uint8Array {
  const { crv, x } = key.export({ format: 'jwk' })
  if (crv !== 'Ed25519' || typeof x !== 'string') throw new Error('notes are signed with Ed25519')
  return Uint8Array.from(Buffer.from(x, 'base64url'))
}

/** A head, our signature and some witnesses take a few hundred bytes. */
const noteLengthMax = 100_000
