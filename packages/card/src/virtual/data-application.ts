/**
 * The applications that hold records instead of certificates: text, face and resident registry (jpki.md §1.3–1.5). What opens
 * which file is a table; the bytes of the files are made when the card is personalised.
 */
import type { SecretName } from '../pin.ts'
import { base64Text, record } from './base64.ts'
import { parseSecretSlot, type SecretSlot } from './secret-slot.ts'

/** The applications of this kind. */
export type DataApplicationName = 'text' | 'face' | 'resident'

/** One application on a card: files as base64 by their identifier in four hexadecimal digits, and its secrets. */
export type DataApplication = {
  readonly files: Readonly<Record<string, string>>
  readonly secrets: Readonly<Partial<Record<SecretName, SecretSlot>>>
}

/** Who may see what in one application. */
export type Layout = {
  /** Secrets any one of which opens the file; none: everybody reads it. */
  readonly files: Readonly<Record<number, readonly SecretName[]>>
  readonly secrets: Readonly<Record<number, SecretName>>
  /** Objects that can be selected and have no content: keys, and what answers as a blocked secret. */
  readonly objects: readonly number[]
  readonly blocked: readonly number[]
  /** The command that sets a new secret is this card's own, `80 32`, and not CHANGE REFERENCE DATA (jpki.md §1.6). */
  readonly hasOwnChange: boolean
}

/**
 * Text: code A opens the my number, code B the attributes, the PIN both (jpki.md §1.3). Face: code A opens front and back, code B the
 * front (§1.4). Which file of the resident-registry application holds the resident code is not published; 0001 is assumed.
 */
export const layouts: Readonly<Record<DataApplicationName, Layout>> = {
  text: {
    files: {
      0x0001: ['text-pin', 'text-code-a'],
      0x0002: ['text-pin', 'text-code-b'],
      0x0003: ['text-pin', 'text-code-a', 'text-code-b'],
      0x0004: [],
      0x0005: [],
      0x0006: ['text-pin', 'text-code-a', 'text-code-b'],
      0x0007: [],
      0x0008: [],
    },
    secrets: { 0x0011: 'text-pin', 0x0014: 'text-code-a', 0x0015: 'text-code-b' },
    objects: [0x0012, 0x0013],
    blocked: [0x0012],
    hasOwnChange: false,
  },
  face: {
    files: {
      0x0001: ['face-birth'],
      0x0002: ['face-code-a', 'face-code-b'],
      0x0003: [],
      0x0004: [],
      0x0005: ['face-code-a'],
    },
    secrets: { 0x0011: 'face-birth', 0x0012: 'face-code-b', 0x0013: 'face-code-a' },
    objects: [],
    blocked: [],
    hasOwnChange: false,
  },
  resident: {
    files: { 0x0001: ['resident-pin'] },
    secrets: { 0x001c: 'resident-pin' },
    objects: [],
    blocked: [],
    hasOwnChange: true,
  },
}

/** Reads one application from parsed JSON. @throws RangeError naming the member that is wrong, never its value. */
export function parseDataApplication(value: unknown, name: DataApplicationName): DataApplication {
  const found = record(value, name)
  const layout = layouts[name]
  const files: Record<string, string> = {}
  for (const [id, content] of Object.entries(record(found['files'], `${name}.files`))) {
    const isKnown = /^[0-9a-f]{4}$/.test(id) && Number.parseInt(id, 16) in layout.files
    if (!isKnown) throw new RangeError(`card state: ${name}.files`)
    files[id] = base64Text(content, `${name}.files.${id}`)
  }
  const given = record(found['secrets'], `${name}.secrets`)
  const secrets: Partial<Record<SecretName, SecretSlot>> = {}
  for (const secret of Object.values(layout.secrets)) {
    secrets[secret] = parseSecretSlot(given[secret], secret)
  }
  return { files, secrets }
}
