/**
 * The log: a closed list of messages, each declared once beside the code that writes it, with a
 * code, typed fields and a sentence. A free-form object cannot be logged, so personal data cannot
 * slip in with one.
 */
import { pino } from 'pino'

/** How loud a message is. */
export type Level = 'debug' | 'info' | 'warn' | 'error'

/**
 * What a field may hold. `code`: a short machine word (a route pattern, a refusal code, a provider
 * id), at most 200 characters without spaces. `fault`: an error that was caught; name, message, stack and
 * causes are written.
 */
export type FieldKind = 'code' | 'number' | 'boolean' | 'fault'

type FieldOf<K extends FieldKind> = K extends 'code'
  ? string
  : K extends 'number'
    ? number
    : K extends 'boolean'
      ? boolean
      : unknown

/** A declared message. */
export type Message<F extends Readonly<Record<string, FieldKind>>> = {
  readonly code: string
  readonly level: Level
  readonly text: string
  readonly fields: F
}

type Declaration = {
  readonly level: Level
  readonly text: string
  readonly fields?: Readonly<Record<string, FieldKind>>
}

type MessagesOf<D extends Readonly<Record<string, Declaration>>> = {
  readonly [Code in keyof D & string]: Message<
    D[Code] extends { readonly fields: infer F extends Readonly<Record<string, FieldKind>> }
      ? F
      : Record<never, never>
  >
}

/**
 * Declares a package's messages: `defineMessages({ 'platform.login-finished': { level: 'info', text:
 * 'a login ended', fields: { provider: 'code' } } })`. Codes are `<package>.<what-happened>`.
 */
export function defineMessages<const D extends Readonly<Record<string, Declaration>>>(
  declared: D,
): MessagesOf<D> {
  const messages: Record<string, Message<Readonly<Record<string, FieldKind>>>> = {}
  for (const [code, declaration] of Object.entries(declared)) {
    if (!/^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$/.test(code)) {
      throw new Error(`${code} is not a message code`)
    }
    for (const name of Object.keys(declaration.fields ?? {})) {
      if (reservedNames.includes(name)) throw new Error(`${code}: the field ${name} is reserved`)
    }
    messages[code] = { fields: {}, ...declaration, code }
  }
  // The loop above gives each code of D exactly its declaration; the compiler cannot follow that.
  return messages as unknown as MessagesOf<D>
}

/** Writes declared messages. */
export interface Log {
  write<F extends Readonly<Record<string, FieldKind>>>(
    message: Message<F>,
    ...fields: keyof F extends never ? [] : [{ readonly [K in keyof F]: FieldOf<F[K]> }]
  ): void
}

/** Where finished lines go, one JSON document each. */
export interface LogSink {
  write(line: string): void
}

/** Makes the log of one program. `level` is the quietest that is written. */
export function createLog(given: {
  readonly program: string
  readonly sink: LogSink
  readonly level?: Level
}): Log {
  const logger = pino(
    {
      level: given.level ?? 'info',
      base: { program: given.program },
      messageKey: 'text',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    given.sink,
  )
  return {
    write(message, ...rest) {
      if (!logger.isLevelEnabled(message.level)) return
      const values: Readonly<Record<string, unknown>> = rest[0] ?? {}
      const line: Record<string, unknown> = { code: message.code }
      for (const [name, kind] of Object.entries(message.fields)) {
        line[name] = fieldValue(kind, values[name])
      }
      logger[message.level](line, message.text)
    },
  }
}

/** A log that writes nothing; for tools and for tests that look at something else. */
export function silentLog(): Log {
  return { write() {} }
}

/** A sink that writes lines to a stream of the process. */
export function streamSink(stream: NodeJS.WritableStream): LogSink {
  return {
    write(line) {
      stream.write(line)
    },
  }
}

function fieldValue(kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'code':
      return typeof value === 'string' && /^[^\s\p{C}]{1,200}$/u.test(value)
        ? value
        : '(not a code)'
    case 'fault':
      return describeFault(value, causesMax)
  }
}

function describeFault(value: unknown, depth: number): unknown {
  if (!(value instanceof Error)) return { name: 'not an error', thrown: typeof value }
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause !== undefined && depth > 0
      ? { cause: describeFault(value.cause, depth - 1) }
      : {}),
  }
}

/** A sink that remembers lines and, when told what is forbidden, throws on a line that holds it. */
export interface RaisingSink extends LogSink {
  /** Everything written so far, parsed. */
  lines(): readonly Readonly<Record<string, unknown>>[]
  /** Codes of messages that held something forbidden: for a last assertion, should a throw have been caught. */
  violations(): readonly string[]
}

/**
 * The sink of tests: throws when a logged value holds a forbidden one, whether an attribute or PIN
 * (string) or a serial (bytes, or a string of decimal digits), in clear, decimal, hex, base64 or
 * base64url. `forbidden` is asked at every line, because a town gains residents.
 *
 * Fewer than eight letters and digits of ASCII must stand alone and are not looked for in numeric
 * fields, so that a PIN is not found in a duration; a single character is never looked for.
 */
export function raisingSink(forbidden: () => Iterable<string | Uint8Array>): RaisingSink {
  const lines: Readonly<Record<string, unknown>>[] = []
  const violations: string[] = []
  return {
    lines: () => lines,
    violations: () => violations,
    write(text) {
      const line: Readonly<Record<string, unknown>> = JSON.parse(text)
      lines.push(line)
      const { time: _time, ...rest } = line
      const values = [...leaves(rest)]
      for (const secret of forbidden()) {
        if (spellings(secret).some(spelling => values.some(value => holds(value, spelling)))) {
          violations.push(String(line['code']))
          throw new Error(`the message ${String(line['code'])} holds personal data`)
        }
      }
    },
  }
}

function* leaves(value: unknown): Generator<string> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      yield name
      // Line and column of a stack are four digits as often as not.
      yield* leaves(name === 'stack' ? String(inner).replace(/:\d+:\d+/g, '') : inner)
    }
  } else if (typeof value === 'string') {
    yield value
  } else if (typeof value === 'number' && value >= 1e7) {
    yield String(value)
  }
}

function spellings(secret: string | Uint8Array): readonly string[] {
  if (secret.length === 0) return []
  const bytes = Buffer.from(secret)
  const encoded = [
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ]
  if (typeof secret !== 'string') {
    const hex = bytes.toString('hex')
    return [...encoded, BigInt(`0x${hex}`).toString(10), hex.replace(/^(00)+/, '')]
  }
  if (secret.length === 1) return []
  const serial = /^[0-9]{9,}$/.test(secret) ? BigInt(secret).toString(16) : undefined
  return [secret, ...encoded, ...(serial === undefined ? [] : [serial])]
}

function holds(value: string, spelling: string): boolean {
  const haystack = /^[0-9a-f]+$/.test(spelling) ? value.toLowerCase() : value
  if (spelling.length >= 8 || /[^A-Za-z0-9]/.test(spelling)) return haystack.includes(spelling)
  let from = haystack.indexOf(spelling)
  while (from >= 0) {
    const before = haystack[from - 1] ?? ' '
    const after = haystack[from + spelling.length] ?? ' '
    if (!/[\p{L}\p{N}]/u.test(before) && !/[\p{L}\p{N}]/u.test(after)) return true
    from = haystack.indexOf(spelling, from + 1)
  }
  return false
}

const reservedNames: readonly string[] = ['level', 'time', 'program', 'code', 'text']
const causesMax = 4
