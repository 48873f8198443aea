/** Fields of one line of a batch: JSON in which bytes are DER or files in base64. */
import { type Certificate, parseCertificate } from './certificate.ts'
import { MalformedError } from './der.ts'
import type { Instant } from './reason.ts'

/** Thrown when a line is not a case; `field` tells where. */
export class BatchLineError extends Error {
  override readonly name = 'BatchLineError'
  readonly field: string
  constructor(field: string) {
    super(`not a case: ${field}`)
    this.field = field
  }
}

/** Certificates of a list; those that cannot be read are passed over. */
export function readableCertificates(encoded: readonly Uint8Array[]): readonly Certificate[] {
  const found: Certificate[] = []
  for (const each of encoded) {
    try {
      found.push(parseCertificate(each))
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
  }
  return found
}

/** An object. Throws `BatchLineError`. */
export function record(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BatchLineError(field)
  return Object.fromEntries(Object.entries(value))
}

/** An array. Throws `BatchLineError`. */
export function list(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new BatchLineError(field)
  return value
}

/** A string. Throws `BatchLineError`. */
export function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new BatchLineError(field)
  return value
}

/** A boolean; absent: false. Throws `BatchLineError`. */
export function flag(value: unknown, field: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw new BatchLineError(field)
  return value ?? false
}

/** Key usage bits. Throws `BatchLineError`. */
export function bits(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0x1ff) {
    throw new BatchLineError('keyUsage')
  }
  return value
}

/** Bytes in base64 (RFC 4648 §4, with padding). Throws `BatchLineError`. */
export function bytes(value: unknown, field: string): Uint8Array {
  const encoded = text(value, field)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length % 4 !== 0) {
    throw new BatchLineError(field)
  }
  return Uint8Array.from(atob(encoded), character => character.charCodeAt(0))
}

/** A list of bytes; absent: empty. Throws `BatchLineError`. */
export function byteList(value: unknown, field: string): readonly Uint8Array[] {
  return value === undefined ? [] : list(value, field).map(each => bytes(each, field))
}

/** ISO 8601 with offset, or milliseconds since 1970 UTC. Throws `BatchLineError`. */
export function instant(value: unknown): Instant {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const at =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(at)) throw new BatchLineError('at')
  return at
}
