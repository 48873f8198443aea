/**
 * Statements that found or end mandates, signed as attached CMS: by a corporation's representative (registrar's certificate) or by a public
 * office. Who signed is judged by the platform as for any provider; nothing in a statement is believed before.
 */
import { createHash } from 'node:crypto'
import { type HolderFacts, Refusal, type RefusalCode } from '@sekisho/contract'
import { MalformedError, parseSignedData } from '@sekisho/pki'
import type { World } from '@sekisho/platform/room'
import type { z } from 'zod'

/** A statement that is genuine. */
export type Statement<T> = {
  readonly content: T
  readonly holder: HolderFacts
  /** SHA-256 (hex) of the signed file. */
  readonly sha256: string
}

/** Largest statement. */
export const statementBytesMax = 64 * 1024

/**
 * Reads and judges. Refusals `request-malformed` for what is no such statement, `unproven` (given) unless exactly one holder of this kind has
 * signed it with a certificate in force.
 */
export async function readStatement<S extends z.ZodType>(
  world: Pick<World, 'fileJudge'>,
  cms: Uint8Array,
  given: {
    readonly schema: S
    readonly signers: 'representative' | 'official'
    readonly unproven: RefusalCode
  },
): Promise<Statement<z.output<S>>> {
  const content = parseContent(cms, given.schema)
  const { report, holders, fileSha256 } = await world.fileJudge.report({
    kind: 'cms',
    file: { kind: 'bytes', bytes: cms },
    content: undefined,
    files: [],
    query: undefined,
    purpose: 'signature',
    length: cms.length,
    signers: given.signers,
    revocation: 'crl',
  })
  const [holder, ...others] = holders
  if (report.verdict !== 'passed' || holder === undefined || others.length > 0)
    throw new Refusal(given.unproven)
  return { content, holder, sha256: fileSha256 }
}

/** What a signed file says, whoever signed it. Refusal `request-malformed`. */
export function parseContent<S extends z.ZodType>(cms: Uint8Array, schema: S): z.output<S> {
  try {
    const { content } = parseSignedData(cms)
    if (content !== undefined) {
      const parsed = schema.safeParse(JSON.parse(new TextDecoder().decode(content)))
      if (parsed.success) return parsed.data
      throw new Refusal('request-malformed', {
        fields: parsed.error.issues[0]?.path.join('.') ?? 'content',
      })
    }
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof SyntaxError)) throw error
  }
  throw new Refusal('request-malformed', { fields: 'content' })
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
