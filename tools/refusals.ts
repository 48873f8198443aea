/**
 * The list of refusals, `docs/refusals.md`, from the contract. Run: `node tools/refusals.ts`. A test regenerates and compares.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { refusals } from '@sekisho/contract'

const root = resolve(import.meta.dirname, '..')

/** Where the list lies. */
export const refusalsPath = join(root, 'docs', 'refusals.md')

/** The list as text: a table for each section of the contract's source, in its order. */
export function composeRefusals(): string {
  const lines: string[] = [
    '# Refusals',
    '',
    'Generated from `packages/contract/src/refusal.ts` by `node tools/refusals.ts`; do not edit. The same code stands in API answers',
    '(`application/problem+json`), in the `error_description` of OAuth answers, on screens and in the log. Codes never change their meaning.',
    'The platform serves this list as JSON at `/refusals`.',
  ]
  for (const { title, codes } of sources().flatMap(sectionsOf)) {
    lines.push('', `## ${title}`, '', ...head)
    for (const code of codes) lines.push(rowOf(code))
  }
  return `${lines.join('\n')}\n`
}

const head = [
  '| code | HTTP | who acts | again | what happened · what to do |',
  '|---|---|---|---|---|',
]

function rowOf(code: string): string {
  const entry = Object.entries(refusals).find(([name]) => name === code)?.[1]
  if (entry === undefined) throw new Error(`${code} is not on the list`)
  const { status, actor, retry, ja, en, remedyJa, remedyEn } = entry
  const cells = [
    `\`${code}\``,
    String(status),
    actor,
    retry,
    `${ja}${remedyJa}<br>${en} ${remedyEn}`,
  ]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** The list's own file, then those of its parts, whose first line is their section's title. */
function sources(): readonly string[] {
  const folder = join(root, 'packages', 'contract', 'src')
  const parts = readdirSync(folder).filter(name => name.endsWith('-refusal.ts'))
  return ['refusal.ts', ...parts.toSorted()].map(name => readFileSync(join(folder, name), 'utf8'))
}

/** Section comments of a source with the codes below them. */
function sectionsOf(source: string): readonly { title: string; codes: readonly string[] }[] {
  const sections: { title: string; codes: string[] }[] = []
  for (const line of source.split('\n')) {
    const title =
      /^ {2}\/\/ -- (.+?) -+$/.exec(line)?.[1] ??
      /^\/\*\* Refusals (?:about|of) (.+)\. \*\/$/.exec(line)?.[1]
    if (title !== undefined) sections.push({ title: sentenceCase(title), codes: [] })
    const code = /^ {2}'([a-z-]+)': entry\($/.exec(line)?.[1]
    if (code !== undefined) sections.at(-1)?.codes.push(code)
  }
  return sections
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

if (import.meta.main) writeFileSync(refusalsPath, composeRefusals())
