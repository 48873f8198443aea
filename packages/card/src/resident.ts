/**
 * The resident-registry application 住基AP from the reader's side (jpki.md §1.1, §1.5): the resident code 住民票コード behind its PIN.
 * Municipalities alone have a use for it.
 */
import { command } from './apdu.ts'
import { type Card, exchange } from './exchange.ts'
import { type GuardedNumber, guardedNumber } from './guarded.ts'
import { applicationIds, readObject, secretFile, selectApplication, selectFile } from './jpki.ts'
import type { Pin } from './pin.ts'
import { done, type Outcome, refused } from './reason.ts'
import { reasonOf, statusWords } from './status.ts'
import { parseTlvs } from './tlv.ts'

/** File with the resident code; which one it is on the real card is not published. */
const residentCodeFile = 0x0001

/** Selects the application, which forgets whatever was verified. Refuses with `application-absent`. */
export function selectResident(card: Card): Promise<Outcome<undefined>> {
  return selectApplication(card, applicationIds.resident, 'application-absent')
}

/** The resident code, after the PIN. Refuses with `pin-required`, `file-malformed`. */
export async function readResidentCode(card: Card): Promise<Outcome<GuardedNumber>> {
  const file = await readObject(card, residentCodeFile)
  if (file.kind === 'refused') return file
  const [object, ...more] = parseTlvs(file.value) ?? []
  file.value.fill(0)
  const isCode = object?.tag === 0xff10 && more.length === 0
  const code = isCode ? guardedNumber('resident-code', object.value) : undefined
  object?.value.fill(0)
  return code === undefined ? refused('file-malformed') : done(code)
}

/** Changes this application's PIN after `verifyPin` of the old one, by its own command. Refuses with `pin-required` before it. */
export async function changeResidentPin(card: Card, fresh: Pin): Promise<Outcome<undefined>> {
  const selected = await selectFile(card, secretFile['resident-pin'])
  if (selected.kind === 'refused') return selected
  const answer = await fresh.use(bytes => exchange(card, command(0x80, 0x32, 0x00, 0x80, bytes)))
  if (answer.kind === 'refused') return answer
  const { status } = answer.value
  return status === statusWords.ok ? done(undefined) : refused(reasonOf(status), status)
}
