/** What the selected application shows of itself: its files, what opens them, its secrets and keys. */
import { jpkiFiles, secretFile } from '../jpki.ts'
import type { SecretKind, SecretName } from '../pin.ts'
import { composeTokenInformation, tokenLabels } from '../token.ts'
import { bytesOf } from './base64.ts'
import { type DataApplication, type Layout, layouts } from './data-application.ts'
import type { FreeApplication } from './free-state.ts'
import type { Session } from './session.ts'
import type { CardState, KeySlot } from './state.ts'

/** An application as the commands see it. */
export type View = {
  /** A file that can be selected, with content or without. */
  isPresent(file: number): boolean
  /** What READ BINARY can see. Keys and secrets have no content: there is no read path to them. */
  contentOf(file: number): Uint8Array | undefined
  /** Secrets any one of which opens the content; none: everybody reads it. */
  opensTo(file: number): readonly SecretName[]
  readonly secrets: Readonly<Record<number, SecretName>>
  /** Objects that answer as a blocked secret and guard nothing. */
  readonly blocked: readonly number[]
}

/** The view of the selected application; `undefined` for those without files. */
export function viewOf(state: CardState, session: Session): View | undefined {
  const { application } = session
  switch (application) {
    case 'jpki':
      return jpkiView(state)
    case 'text':
    case 'face':
    case 'resident': {
      const held = state[application]
      return held === undefined ? undefined : dataView(held, layouts[application])
    }
    case 'free': {
      const held = state.free?.applications.find(one => one.aid === session.aid)
      return held === undefined ? undefined : freeView(held)
    }
    default:
      return undefined
  }
}

/** The files of a loaded application have commands of their own. */
function freeView(held: FreeApplication): View {
  const secrets = held.hasPin ? freeSecrets : {}
  return {
    isPresent: file => file in secrets || held.files.some(one => one.id === file),
    contentOf: () => undefined,
    opensTo: () => [],
    secrets,
    blocked: [],
  }
}

function dataView(held: DataApplication, layout: Layout): View {
  const contentOf = (file: number): Uint8Array | undefined => {
    const text = held.files[file.toString(16).padStart(4, '0')]
    return text === undefined ? undefined : bytesOf(text)
  }
  return {
    isPresent: file =>
      contentOf(file) !== undefined || file in layout.secrets || layout.objects.includes(file),
    contentOf,
    opensTo: file => layout.files[file] ?? [],
    secrets: layout.secrets,
    blocked: layout.blocked,
  }
}

function jpkiView(state: CardState): View {
  return {
    isPresent(file) {
      if (file in jpkiSecrets) return true
      if (file === jpkiFiles.terminalKey) return state.trust !== undefined
      const kind = keyOfFile[file]
      if (kind !== undefined) return state[kind].privateKey !== null
      return jpkiContent(state, file) !== undefined
    },
    contentOf: file => jpkiContent(state, file),
    opensTo: file => (file === jpkiFiles.signatureCertificate ? ['signature'] : []),
    secrets: jpkiSecrets,
    blocked: [],
  }
}

function jpkiContent(state: CardState, file: number): Uint8Array | undefined {
  const der = (text: string | null): Uint8Array | undefined =>
    text === null ? undefined : bytesOf(text)
  switch (file) {
    case jpkiFiles.signatureCertificate:
      return der(state.signature.certificate)
    case jpkiFiles.signatureCaCertificate:
      return der(state.signature.caCertificate)
    case jpkiFiles.authenticationCertificate:
      return der(state.authentication.certificate)
    case jpkiFiles.authenticationCaCertificate:
      return der(state.authentication.caCertificate)
    case jpkiFiles.tokenInformation:
      return composeTokenInformation({
        label: tokenLabels.card,
        manufacturer: 'JPKI',
        model: 'SEKISHO VIRTUAL',
        serial: '0'.repeat(16),
      })
    case jpkiFiles.certificatesPresent:
      return Uint8Array.of(present(state.signature), present(state.authentication), 0x00)
    default:
      return undefined
  }
}

/** 8F for a certificate that is there (jpki.md §1.2); 00 otherwise and the order signature, authentication are assumed. */
const present = (slot: KeySlot): number => (slot.certificate === null ? 0x00 : 0x8f)

const jpkiSecrets: Readonly<Record<number, SecretName>> = {
  [secretFile.authentication]: 'authentication',
  [secretFile.signature]: 'signature',
}

const freeSecrets: Readonly<Record<number, SecretName>> = { [secretFile['free-pin']]: 'free-pin' }

/** Key objects of the JPKI application. */
export const keyOfFile: Readonly<Record<number, SecretKind>> = {
  [jpkiFiles.authenticationKey]: 'authentication',
  [jpkiFiles.signatureKey]: 'signature',
}
