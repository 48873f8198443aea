/**
 * Packs the trust core for browsers: its modules with types stripped, `crypto.ts` replaced by the one over WebCrypto, and the libraries'
 * files as they are. There is no other build step: the code is the code that runs in Node.
 */
import { readFile } from 'node:fs/promises'
import { findPackageJSON, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

/** One module. Where it imports another, `@@n@@` stands for the address of the n-th. */
type PackedModule = {
  readonly name: string
  readonly code: string
  /** The same compressed (gzip, in base64), where the code is no text for people: WebAssembly in a string. */
  readonly gzip: string | undefined
}

/** The modules behind the door `@sekisho/pki/browser`; the first one is the door. Libraries' modules may import each other in circles. */
async function packTrustCore(): Promise<readonly PackedModule[]> {
  const entry = import.meta.resolve('@sekisho/pki/browser')
  const root = new URL('.', entry)
  const sources = [await sourceOf(entry, root)]
  for (let i = 0; i < sources.length; i++) {
    for (const address of sources[i]?.imports.values() ?? []) {
      if (!sources.some(each => each.address === address))
        sources.push(await sourceOf(address, root))
    }
  }
  const positions = new Map(sources.map(({ address }, position) => [address, position]))
  return sources.map(source => linked(source, positions))
}

/** The modules, packed when first asked for and kept. */
export function verifierModules(): () => Promise<readonly PackedModule[]> {
  let packed: Promise<readonly PackedModule[]> | undefined
  return () => {
    packed ??= packTrustCore()
    return packed
  }
}

/** A module before it is linked: addresses of what it imports by how it names them. */
type Source = {
  readonly address: string
  readonly name: string
  readonly code: string
  readonly imports: ReadonlyMap<string, string>
}

async function sourceOf(address: string, root: URL): Promise<Source> {
  const file = await readFile(fileURLToPath(address), 'utf8')
  const code = address.endsWith('.ts') ? stripTypeScriptTypes(file) : file.replace(mapLine, '')
  if (/@@\d+@@/.test(code)) throw new Error(`${address} cannot be linked`)
  const name = address.startsWith(root.href)
    ? address.slice(root.href.length)
    : (address.split('/node_modules/')[1] ?? 'module')
  const specifiers = Array.from(code.matchAll(importing), ([, , , specifier = '']) => specifier)
  const imports = specifiers.map(each => [each, resolveImport(each, address, root)] as const)
  return { address, name, code, imports: new Map(imports) }
}

function linked(source: Source, positions: ReadonlyMap<string, number>): PackedModule {
  const code = source.code.replace(
    importing,
    (_, before: string, quote: string, specifier: string) => {
      const position = positions.get(source.imports.get(specifier) ?? '')
      if (position === undefined) throw new Error(`${specifier} was not found`)
      return `${before}${quote}@@${position}@@${quote}`
    },
  )
  const gzip = unprintable.test(code) ? gzipSync(code, { level: 9 }).toString('base64') : undefined
  return { name: source.name, code, gzip }
}

function resolveImport(specifier: string, from: string, root: URL): string {
  if (specifier.startsWith('.')) {
    const address = new URL(specifier, from).href
    return address === new URL('crypto.ts', root).href
      ? new URL('browser/crypto.ts', root).href
      : address
  }
  return libraryFile(specifier, from)
}

// A library's file for browsers: its usual door may be for Node.
function libraryFile(specifier: string, from: string): string {
  const scoped = specifier.startsWith('@') ? 2 : 1
  const name = specifier.split('/').slice(0, scoped).join('/')
  const description = findPackageJSON(name, from)
  if (description === undefined) throw new Error(`${name} is not installed`)
  const file = browserDoors.get(specifier) ?? specifier.slice(name.length + 1)
  return new URL(file, pathToFileURL(description)).href
}

const browserDoors: ReadonlyMap<string, string> = new Map([
  ['fflate', 'esm/browser.js'],
  ['libxml2-wasm', 'lib/index.mjs'],
])

/** An import or export from another module at the beginning of a line: what stands before, the quote, the specifier. */
const importing = /((?:^|\n)\s*(?:import|export)\b(?:[^'";]*?\bfrom\b)?\s*)(['"])([^'"\n]+)\2/g

const mapLine = /\n\/\/# sourceMappingURL=.*\s*$/

// oxlint-disable-next-line no-control-regex -- what a text in a page cannot hold
const unprintable = /[\u0000-\u0008\u000b-\u001f]/
