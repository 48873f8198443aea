/**
 * Packs the trust core for browsers: its modules with types stripped, in an order in which each comes after those it imports, and with
 * `crypto.ts` replaced by the one over WebCrypto. There is no other build step: the code is the code that runs in Node.
 */
import { readFile } from 'node:fs/promises'
import { findPackageJSON, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** One module. Where it imports another, `@@n@@` stands for the address of the n-th. */
type PackedModule = { readonly name: string; readonly code: string }

/** The modules behind the door `@sekisho/pki/browser`; the last one is the door. */
async function packTrustCore(): Promise<readonly PackedModule[]> {
  const entry = import.meta.resolve('@sekisho/pki/browser')
  const root = new URL('.', entry)
  const modules: PackedModule[] = []
  const positions = new Map<string, number>()
  const visit = async (address: string): Promise<number> => {
    const known = positions.get(address)
    if (known !== undefined) return known
    let code = await sourceOf(address, root)
    for (const specifier of specifiersOf(code)) {
      const position = await visit(resolveImport(specifier, address, root))
      code = code.replaceAll(`'${specifier}'`, `'@@${position}@@'`)
    }
    const name = address.startsWith(root.href)
      ? address.slice(root.href.length)
      : address.split('/node_modules/')[1]
    modules.push({ name: name ?? 'module', code })
    positions.set(address, modules.length - 1)
    return modules.length - 1
  }
  await visit(entry)
  return modules
}

/** The modules, packed when first asked for and kept. */
export function verifierModules(): () => Promise<readonly PackedModule[]> {
  let packed: Promise<readonly PackedModule[]> | undefined
  return () => {
    packed ??= packTrustCore()
    return packed
  }
}

async function sourceOf(address: string, root: URL): Promise<string> {
  const replaced = withoutXml.find(({ path }) => address === new URL(path, root).href)
  if (replaced !== undefined) return replaced.code
  const source = await readFile(fileURLToPath(address), 'utf8')
  const code = address.endsWith('.ts') ? stripTypeScriptTypes(source) : source
  return code.replace(/(from\s*)"([^"]+)"/g, "$1'$2'")
}

function specifiersOf(code: string): ReadonlySet<string> {
  const found = code.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'/g)
  return new Set(Array.from(found, ([, specifier]) => specifier ?? ''))
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
  const file = name === 'fflate' ? 'esm/browser.js' : specifier.slice(name.length + 1)
  return new URL(file, pathToFileURL(description)).href
}

/**
 * The XML library is WebAssembly with files of its own, which one page cannot hold: XML, and containers in which there may be XML, are
 * judged by the platform and on the command line.
 */
const withoutXml = [
  {
    path: 'xml/xml-validation.ts',
    code: `import { rejectedFor } from '../reason.ts'
export function validateXml() {
  return { verdict: rejectedFor('xml-encoding-unsupported'), signatures: [] }
}
`,
  },
  {
    path: 'asice/validation.ts',
    code: `import { rejectedFor } from '../reason.ts'
export function validateAsic() {
  return { verdict: rejectedFor('asic-kind-unsupported'), signatures: [], uncovered: [], others: [] }
}
`,
  },
]
