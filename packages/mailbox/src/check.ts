/** The checks of a message's documents before it is delivered: malware, then signatures (C11). */
import { Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import type { Store } from '@sekisho/runtime/store'
import { type Box, boxById } from './box.ts'
import type { Check } from './carrier.ts'
import { type Content, type KeptDocument, MessageKey } from './content.ts'
import { collect, once } from './document.ts'
import type { MailTables } from './post.ts'
import type { Scanner } from './scanner.ts'
import type { Vault } from './vault.ts'
import { type DocumentVerdict, judgeDocument } from './verdict.ts'
import { mayHaveContainers } from './withheld.ts'

/** How documents are looked through. */
export type ScanRule = {
  readonly scan: Scanner
  /** Most that the scanner takes (clamd's `StreamMaxLength`). */
  readonly bytesMax: number
  /** What becomes of a document that is larger than the scanner takes. */
  readonly tooLarge: 'reject' | 'deliver'
}

/** Makes the check of a node. */
export function createCheck(given: {
  readonly world: World
  readonly store: Store<MailTables>
  readonly vault: Vault
  /** Undefined: the operator runs none. */
  readonly scanning: ScanRule | undefined
}): Check {
  const { world, store, vault, scanning } = given
  return async id => {
    const opened = await openWaiting(world, store, id)
    // Nobody can open it any more: the step itself finds out and says so.
    if (opened === undefined) return { kind: 'passed', amend: content => content }
    const read = (position: number) => readWaiting(store, vault, opened, position)
    if (scanning !== undefined)
      for (const [position, { length }] of opened.content.documents.entries()) {
        const found =
          length > scanning.bytesMax
            ? { kind: 'too-large' as const }
            : await scanning.scan(await read(position))
        if (found.kind === 'unreachable') return { kind: 'waits' }
        if (found.kind === 'found') return { kind: 'failed', why: 'malware' }
        if (found.kind === 'too-large' && scanning.tooLarge === 'reject')
          return { kind: 'failed', why: 'too-large-to-scan' }
      }
    const verdicts: (DocumentVerdict | undefined)[] = []
    for (const [position, document] of opened.content.documents.entries()) {
      const verdict = await judgeDocument(world, document, async () =>
        collect(await read(position)),
      )
      if (verdict === 'waits') return { kind: 'waits' }
      verdicts.push(verdict)
    }
    const mayHave = await mayHaveContainers(world, opened.recipient)
    return { kind: 'passed', amend: content => withVerdicts(content, verdicts, mayHave) }
  }
}

function withVerdicts(
  content: Content,
  verdicts: readonly (DocumentVerdict | undefined)[],
  mayHave: boolean,
): Content {
  const documents = content.documents.map((document, position): KeptDocument => {
    const verdict = verdicts[position]
    if (verdict === undefined) return document
    const isCitizen = verdict.signatures.some(one => one.isCitizen)
    return { ...document, verdict, ...(isCitizen && !mayHave ? { withheld: true } : {}) }
  })
  return { ...content, documents }
}

type Waiting = {
  readonly id: string
  readonly recipient: Box
  readonly key: MessageKey
  readonly content: Content
}

async function openWaiting(
  world: World,
  store: Store<MailTables>,
  id: string,
): Promise<Waiting | undefined> {
  return store.read(async db => {
    const row = await db
      .selectFrom('mailbox_message')
      .selectAll()
      .where('id', '=', id)
      .where('state', '=', 'posted')
      .executeTakeFirst()
    if (row === undefined || row.sealed === null) return undefined
    for (const [boxId, wrapped] of [
      [row.recipient_box, row.recipient_key],
      [row.sender_box, row.sender_key],
    ] as const) {
      const box = await boxById(db, boxId)
      const found = await world.personKeys.find(db, box.keyId)
      if (found.kind !== 'present' || wrapped === null) continue
      const key = MessageKey.open(id, found.key, wrapped)
      const recipient = await boxById(db, row.recipient_box)
      return { id, recipient, key, content: key.openContent(row.sealed) }
    }
    return undefined
  })
}

async function readWaiting(
  store: Store<MailTables>,
  vault: Vault,
  { id, key, content }: Waiting,
  position: number,
): Promise<AsyncIterable<Uint8Array>> {
  const row = await store.read(db =>
    db
      .selectFrom('mailbox_document')
      .select(['sealed', 'file'])
      .where('message_id', '=', id)
      .where('position', '=', position)
      .executeTakeFirst(),
  )
  const document = content.documents[position]
  if (row === undefined || document === undefined) throw new Refusal('message-unknown')
  if (row.file !== null && document.key !== undefined)
    return vault.read({ file: row.file, key: document.key, length: document.length })
  if (row.sealed === null) throw new Refusal('message-unknown')
  return once(key.unseal(`document ${position}`, row.sealed))
}
