/**
 * JSON as RFC 8259 has it, read strictly (I-JSON, RFC 7493): no member twice, no lone surrogates. `JSON.parse` takes the last
 * of several members, another reader the first, and a signature would cover both.
 */
import { MalformedError } from '../der.ts'

/** A value. Objects are maps, so that no member is mistaken for one of JavaScript's own. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** An object; members in the order in which they stand. */
export type JsonObject = ReadonlyMap<string, JsonValue>

/** Deepest nesting: a JAdES signature with counter-signatures nests some ten deep. */
const depthMax = 32

/** Reads UTF-8 without a byte order mark. Throws `MalformedError`. */
export function parseJsonBytes(bytes: Uint8Array): JsonValue {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) throw new MalformedError('string-invalid', 0, 'UTF-8')
    throw error
  }
  return parseJson(text)
}

/** Reads a text. Throws `MalformedError`. */
export function parseJson(text: string): JsonValue {
  const reader = new JsonReader(text)
  const value = reader.value(0)
  reader.finish()
  return value
}

/** Writes a value without white space. */
export function writeJson(value: JsonValue): string {
  if (isObject(value)) {
    const members = Array.from(
      value,
      ([name, each]) => `${JSON.stringify(name)}:${writeJson(each)}`,
    )
    return `{${members.join(',')}}`
  }
  if (isArray(value)) return `[${value.map(writeJson).join(',')}]`
  return JSON.stringify(value)
}

/** Whether a value is an object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map
}

/** Whether a value is an array. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** An array of texts. Throws `MalformedError` for anything else. */
export function readTexts(value: JsonValue | undefined): readonly string[] {
  if (!isArray(value)) throw new MalformedError('value-invalid', 0, 'array')
  return value.map(readText)
}

/** A text. Throws `MalformedError` for anything else. */
export function readText(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw new MalformedError('value-invalid', 0, 'text')
  return value
}

/** An object. Throws `MalformedError` for anything else. */
export function readObject(value: JsonValue | undefined): JsonObject {
  if (!isObject(value)) throw new MalformedError('value-invalid', 0, 'object')
  return value
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): JsonValue {
    if (depth > depthMax) throw new MalformedError('too-deep', this.#at)
    this.#skipSpace()
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    const word = this.#match(/true|false|null/y)
    if (word !== undefined) return word === 'null' ? null : word === 'true'
    const number = this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)
    if (number === undefined) throw this.#wrong()
    return Number(number)
  }

  finish(): void {
    this.#skipSpace()
    if (this.#at < this.#text.length) throw new MalformedError('trailing-bytes', this.#at)
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>()
    this.#at++
    if (this.#takes('}')) return members
    do {
      this.#skipSpace()
      const start = this.#at
      const name = this.#string()
      if (members.has(name)) throw new MalformedError('value-invalid', start, 'member twice')
      if (!this.#takes(':')) throw this.#wrong()
      members.set(name, this.value(depth + 1))
    } while (this.#takes(','))
    if (!this.#takes('}')) throw this.#wrong()
    return members
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = []
    this.#at++
    if (this.#takes(']')) return items
    do items.push(this.value(depth + 1))
    while (this.#takes(','))
    if (!this.#takes(']')) throw this.#wrong()
    return items
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#wrong()
    let end = start
    do end = this.#text.indexOf('"', end + 1)
    while (end > 0 && this.#isEscaped(end))
    if (end < 0) throw new MalformedError('truncated', start, 'JSON')
    this.#at = end + 1
    const value = parseLiteral(this.#text.slice(start, this.#at))
    if (value === undefined || !value.isWellFormed())
      throw new MalformedError('string-invalid', start)
    return value
  }

  // An odd number of backslashes before it.
  #isEscaped(at: number): boolean {
    let before = at
    while (this.#text[before - 1] === '\\') before--
    return (at - before) % 2 === 1
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #takes(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    this.#match(/[ \t\r\n]*/y)
  }

  #wrong(): MalformedError {
    const code = this.#at >= this.#text.length ? 'truncated' : 'value-invalid'
    return new MalformedError(code, this.#at, 'JSON')
  }
}

// One string literal: there `JSON.parse` is strict.
function parseLiteral(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal)
    return typeof value === 'string' ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
