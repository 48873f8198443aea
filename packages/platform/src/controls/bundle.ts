/**
 * The criteria with their evidence, for an auditor: a dated ZIP with the table, each piece of evidence as JSON, and a manifest of
 * SHA-256 values signed by the platform, so that it can be kept and shown later.
 */
import { writeZip } from '@sekisho/pki/assemble'
import { type ReceiptKey, signReport } from '../confirm/receipt.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { type ControlFacts, criteria } from './criterion.ts'

/** Makes the bundle. */
export async function controlsBundle(facts: ControlFacts, key: ReceiptKey): Promise<Uint8Array> {
  const table = criteria.map(({ id, ja, en, controls }) => ({
    id,
    ja,
    en,
    controls: controls.map(one => ({
      ja: one.ja,
      en: one.en,
      finding: one.finding(facts),
      evidence: `evidence/${one.evidence}.json`,
    })),
  }))
  const files = [
    { name: 'criteria.json', bytes: json(table) },
    ...Object.entries(facts).map(([name, fact]) => ({
      name: `evidence/${name}.json`,
      bytes: json(fact),
    })),
  ]
  const manifest = {
    iss: facts.issuer,
    iat: Math.floor(facts.at / 1000),
    files: Object.fromEntries(files.map(({ name, bytes }) => [name, sha256Hex(bytes)])),
  }
  const signed = new TextEncoder().encode(await signReport(key, manifest))
  return writeZip(
    [...files, { name: 'manifest.jws', bytes: signed }].map(file => ({ ...file, isStored: false })),
  )
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)
}
