/** `card text`, `card face`, and a part of `card inspect`: what a card of the town says of its holder, read and verified as a counter's terminal would. */
import { resolve } from 'node:path'
import { townCardAnchors } from '@sekisho/authority'
import {
  type Card,
  type Outcome,
  parsePin,
  readFreeRoom,
  readFront,
  readMyNumber,
  readTextAttributes,
  type SecretName,
  selectFace,
  selectResident,
  selectText,
  triesLeft,
  verifyPin,
} from '@sekisho/card'
import { secretIn } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'
import { openCardFolder } from '@sekisho/readers'
import { ownerOnlyFolder, writeFileAtomically } from '@sekisho/runtime/files'

/** Tries left of the secrets of text, face and resident application, and the room of the free area: what needs no secret. */
export async function inspectMore(card: Card): Promise<Readonly<Record<string, unknown>>> {
  const seen: Record<string, unknown> = {}
  for (const [name, select, secrets] of applications) {
    const selected = await select(card)
    if (selected.kind === 'refused') {
      seen[name] = { refused: selected.reason }
      continue
    }
    const tries: Record<string, unknown> = {}
    for (const secret of secrets) {
      const left = await triesLeft(card, secret)
      tries[secret] = left.kind === 'done' ? left.value : { refused: left.reason }
    }
    seen[name] = { triesLeft: tries }
  }
  const room = await readFreeRoom(card)
  return { ...seen, free: room.kind === 'done' ? room.value : { refused: room.reason } }
}

const applications: readonly (readonly [
  name: string,
  select: (card: Card) => Promise<Outcome<undefined>>,
  secrets: readonly SecretName[],
])[] = [
  ['text', selectText, ['text-pin', 'text-code-a', 'text-code-b']],
  ['face', selectFace, ['face-birth', 'face-code-a', 'face-code-b']],
  ['resident', selectResident, ['resident-pin']],
]

/**
 * Prints the four attributes after the PIN, and whether the my number is there and signed; the number itself is printed for nobody.
 * Refusals `pin-malformed`, `card-absent`, `card-in-use`.
 */
export async function readText(folder: string, persona: string, typed: string): Promise<void> {
  const parsed = parsePin('text-pin', typed)
  if (parsed.kind === 'refused') throw new Refusal('pin-malformed')
  using pin = parsed.value
  await using held = await openCardFolder(folder).take(persona)
  const { records } = townCardAnchors()
  const card = held.card
  const opened = await firstRefused(
    () => selectText(card),
    () => verifyPin(card, pin),
  )
  if (opened.kind === 'refused') return refuse(opened)
  const attributes = await readTextAttributes(card, records)
  const number = await readMyNumber(card, records)
  if (attributes.kind === 'refused') return refuse(attributes)
  if (number.kind === 'done') number.value.dispose()
  const myNumber = number.kind === 'done' ? 'verified, not shown' : number.reason
  process.stdout.write(`${JSON.stringify({ ...attributes.value, myNumber }, null, 2)}\n`)
}

/**
 * Opens the face with the code that is printed on it, as whoever holds the card in hand can, and writes its pictures into a
 * folder. Refusals `card-absent`, `card-in-use`.
 */
export async function readFace(folder: string, persona: string, to: string): Promise<void> {
  await using held = await openCardFolder(folder).take(persona)
  const printed = secretIn(held.state(), 'face-code-b')?.secret ?? ''
  const { card } = held
  const opened = await firstRefused(
    () => selectFace(card),
    () => verified(held.card, 'face-code-b', printed),
  )
  if (opened.kind === 'refused') return refuse(opened)
  const front = await readFront(card, townCardAnchors().records)
  if (front.kind === 'refused') return refuse(front)
  const { birthDate, gender, unsigned } = front.value
  const place = resolve(to)
  await ownerOnlyFolder(place)
  for (const [name, bytes] of Object.entries({
    'name.png': front.value.nameImage,
    'address.png': front.value.addressImage,
    'photo.jp2': front.value.photo,
    'security-code.png': unsigned.securityCodeImage,
  }))
    await writeFileAtomically(resolve(place, name), bytes)
  const said = { birthDate, gender, codeB: printed, unsigned: { expires: unsigned.expires } }
  process.stdout.write(`${JSON.stringify(said, null, 2)}\n`)
}

async function verified(card: Card, name: SecretName, typed: string): Promise<Outcome<undefined>> {
  const parsed = parsePin(name, typed)
  if (parsed.kind === 'refused') return parsed
  using pin = parsed.value
  return await verifyPin(card, pin)
}

async function firstRefused(
  ...steps: readonly (() => Promise<Outcome<undefined>>)[]
): Promise<Outcome<undefined>> {
  let last: Outcome<undefined> = { kind: 'done', value: undefined }
  for (const step of steps) {
    last = await step()
    if (last.kind === 'refused') break
  }
  return last
}

function refuse(outcome: Extract<Outcome<unknown>, { kind: 'refused' }>): void {
  process.stdout.write(`${JSON.stringify({ refused: outcome.reason })}\n`)
  process.exitCode = 2
}
