/**
 * How SQL values look in JavaScript, the same from both engines.
 *
 * | SQL | JavaScript |
 * |---|---|
 * | `bigint` | `number` (Instants, counters, money in yen); beyond 2^53 a fault, never a rounded value |
 * | `bytea` | `Uint8Array` |
 * | `json`, `jsonb` | the parsed value; written through `jsonb()` |
 * | `numeric` | decimal string |
 * | `date`, `timestamp`, `timestamptz` | text as the server prints it; we store Instants as `bigint` instead |
 */

/** `bigint` as a number; throws rather than round. */
export function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) {
    throw new Error('a bigint column holds more than 2^53: store such a value as numeric or bytea')
  }
  return value
}

/** The text as it came. */
export function unparsed(text: string): string {
  return text
}

/** `bytea` in its hex form (PostgreSQL §8.4.1) as bytes of their own. */
export function parseBytea(text: string): Uint8Array {
  if (!text.startsWith('\\x')) throw new Error('bytea_output must be hex')
  return Uint8Array.from(Buffer.from(text.slice(2), 'hex'))
}

/** Object identifiers of types (pg_type.oid), fixed for ever by PostgreSQL. */
export const typeOids = {
  bytea: 17,
  int8: 20,
  byteaArray: 1001,
  textArray: 1009,
  int8Array: 1016,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
} as const
