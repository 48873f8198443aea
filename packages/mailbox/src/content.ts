/**
 * What a message says, sealed: each message has a key of its own, which lies wrapped under the key of the sender's box and of the recipient's.
 * Whoever erases one of the wrapped keys takes the message from that side alone.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import {
  type MailDocument,
  type MailKind,
  mailContentText,
  type MailParty,
} from '@sekisho/contract'
import { openBox, type PersonKey, sealBox } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { DocumentVerdict } from './verdict.ts'

/** A document in a message; `key` opens its file, where it lies in one. */
export type KeptDocument = MailDocument & {
  readonly key?: string
  readonly verdict?: DocumentVerdict
  /** The recipient gets it without the citizen's signature. */
  readonly withheld?: boolean
}

/** The content as it is sealed. */
export type Content = {
  readonly kind: MailKind
  readonly subject: string
  readonly body: string
  readonly documents: readonly KeptDocument[]
  /** Who wrote, as the recipient may know them. */
  readonly from: MailParty
  /** Sender and recipient as the sender knows them, for receipts. */
  readonly sender: string
  readonly recipient: string
  /** For whom receipts are: the sender's id as a provider, where it is one. */
  readonly audience: string
  /** The message that this one passes on. */
  readonly forwarded?: { readonly from: MailParty; readonly deliveredAt: number }
}

/** SHA-256 (hex) as receipts have it. */
export function contentSha256(content: Content): string {
  return createHash('sha256').update(mailContentText(content)).digest('hex')
}

/** The key of one message. */
export class MessageKey {
  readonly #id: string
  readonly #key: KeyObject

  private constructor(id: string, key: KeyObject) {
    this.#id = id
    this.#key = key
  }

  /** Makes a key, and gives it wrapped for either box. */
  static make(
    id: string,
    boxes: { readonly sender: PersonKey; readonly recipient: PersonKey },
    random: Random,
  ) {
    const secret = random.bytes(keyBytes)
    const key = new MessageKey(id, createSecretKey(secret))
    const wrapped = {
      sender: boxes.sender.seal(placeOf(id), secret),
      recipient: boxes.recipient.seal(placeOf(id), secret),
    }
    secret.fill(0)
    return { key, wrapped }
  }

  /** Opens a wrapped key. Throws `SealBroken` for another box's. */
  static open(id: string, box: PersonKey, wrapped: Uint8Array): MessageKey {
    const secret = box.open(placeOf(id), wrapped)
    const key = new MessageKey(id, createSecretKey(secret))
    secret.fill(0)
    return key
  }

  seal(part: string, plain: Uint8Array, random: Random): Uint8Array {
    return sealBox(this.#key, `message\n${this.#id}\n${part}`, plain, random)
  }

  unseal(part: string, sealed: Uint8Array): Uint8Array {
    return openBox(this.#key, `message\n${this.#id}\n${part}`, sealed)
  }

  sealContent(content: Content, random: Random): Uint8Array {
    return this.seal('content', new TextEncoder().encode(JSON.stringify(content)), random)
  }

  openContent(sealed: Uint8Array): Content {
    // What was sealed here was written by `sealContent`.
    return JSON.parse(new TextDecoder().decode(this.unseal('content', sealed))) as Content
  }
}

function placeOf(id: string): string {
  return `mailbox.key ${id}`
}

const keyBytes = 32
