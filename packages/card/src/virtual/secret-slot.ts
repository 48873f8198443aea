/** A secret inside the card, with its counter. */
import { parsePin, type SecretName, triesMax } from '../pin.ts'
import { record, textOf } from './base64.ts'

/** A secret and its counter; `null` when it was never set, which is as good as blocked. */
export type SecretSlot = { readonly secret: string | null; readonly triesLeft: number }

/** A secret as set, with full counter. @throws RangeError when it has not the form of its kind. */
export function secretSlot(name: SecretName, secret: string): SecretSlot {
  return { secret: normalSecret(name, secret), triesLeft: triesMax[name] }
}

/** The form in which a card keeps a secret. @throws RangeError when malformed; the fault shows no value. */
export function normalSecret(name: SecretName, secret: string): string {
  const parsed = parsePin(name, secret)
  if (parsed.kind === 'refused') throw new RangeError(`malformed ${name} secret`)
  const text = parsed.value.use(bytes => textOf(bytes))
  parsed.value.dispose()
  return text
}

/** Reads a slot from parsed JSON. @throws RangeError naming the member that is wrong, never its value. */
export function parseSecretSlot(value: unknown, name: SecretName): SecretSlot {
  const { secret, triesLeft } = record(value, name)
  if (secret !== null && typeof secret !== 'string') {
    throw new RangeError(`card state: ${name}.secret`)
  }
  if (
    typeof triesLeft !== 'number' ||
    !Number.isInteger(triesLeft) ||
    triesLeft < 0 ||
    triesLeft > triesMax[name]
  ) {
    throw new RangeError(`card state: ${name}.triesLeft`)
  }
  return { secret: secret === null ? null : normalSecret(name, secret), triesLeft }
}

/** Secrets that the holder chooses and may change; the codes stand on the card's face. */
export const changeable: ReadonlySet<SecretName> = new Set([
  'authentication',
  'signature',
  'text-pin',
  'resident-pin',
  'free-pin',
])
