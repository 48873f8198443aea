/**
 * The reference of the SDK, `docs/sdk-reference.md`, from its sources: every export of its door with its documentation and its declaration.
 * Run: `node tools/reference.ts`. A test regenerates and compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { filesOf } from './emit.ts'

const root = resolve(import.meta.dirname, '..')
const packages = join(root, 'packages')

/** Where the reference lies. */
export const referencePath = join(root, 'docs', 'sdk-reference.md')

/** What the door exports: names with the file that each comes from. */
export function exportsOf(
  door: string,
): readonly { readonly name: string; readonly from: string }[] {
  return [...door.matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)].flatMap(
    ([, names = '', from = '']) =>
      names
        .split(',')
        .map(name => name.trim().replace(/^type /, ''))
        .filter(name => name !== '')
        .map(name => ({ name, from })),
  )
}

/** The reference as text, the client first. */
export function composeReference(): string {
  const door = readFileSync(join(packages, 'sdk', 'src', 'index.ts'), 'utf8')
  const entries = exportsOf(door)
    .filter(({ name }) => name !== 'refusals')
    .map(({ name, from }) => ({ name, ...declarationOf(name, sourcesOf(from)) }))
    .sort((a, b) => rank(a.name) - rank(b.name))
  return `${[
    '# The SDK',
    '',
    'Generated from `packages/sdk` by `node tools/reference.ts`; do not edit. How to begin is in the [guide](provider-guide.md); `refusals` is the\n[list of refusals](refusals.md) as a value.',
    ...entries.flatMap(({ name, doc, code }) => [
      '',
      `## ${name}`,
      ...(doc === '' ? [] : ['', doc]),
      '',
      // Four: examples within have three.
      '````ts',
      code,
      '````',
    ]),
  ].join('\n')}\n`
}

/** Functions, then the client, then what it takes and gives, in the order of the door. */
function rank(name: string): number {
  const first = ['createSekisho', 'Sekisho', 'createSite', 'Site']
  const at = first.indexOf(name)
  return at < 0 ? first.length : at
}

function sourcesOf(from: string): readonly string[] {
  if (!from.startsWith('@sekisho/')) return [join(packages, 'sdk', 'src', from)]
  return filesOf(join(packages, 'contract', 'src'))
    .filter(file => !file.endsWith('.test.ts'))
    .sort()
}

/** Documentation and declaration of an export; a function's without its body. Throws when no file declares it. */
function declarationOf(
  name: string,
  files: readonly string[],
): { readonly doc: string; readonly code: string } {
  const declared = new RegExp(
    String.raw`(?:/\*\*((?:(?!\*/)[\s\S])*)\*/\n)?(export (?:declare )?(?:async )?(?:type|interface|const|class|function) ${name}\b[\s\S]*?)(?=\n\n|\n/\*\*|\nexport |$)`,
  )
  for (const file of files) {
    const found = declared.exec(readFileSync(file, 'utf8'))
    if (found === null) continue
    const [, comment = '', whole = ''] = found
    const code = /^export (?:async )?function/.test(whole)
      ? (/^[\s\S]*?\)(?::[^{]*(?:\{[^}]*\}[^{]*)?)?(?= \{\n)/.exec(whole)?.[0] ?? whole)
      : whole
    // The shape of a message is the schema that guards it.
    const schema = /z\.(?:infer|input|output)<typeof (\w+)>/.exec(code)?.[1]
    if (schema === undefined) return { doc: prose(comment), code: code.trimEnd() }
    const guarded = declarationOf(schema, files)
    return {
      doc: prose(comment) || guarded.doc,
      code: `${code.trimEnd()}\n${guarded.code}`,
    }
  }
  throw new Error(`no file declares ${name}`)
}

function prose(comment: string): string {
  return comment
    .split('\n')
    .map(line => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
}

if (import.meta.main) writeFileSync(referencePath, composeReference())
