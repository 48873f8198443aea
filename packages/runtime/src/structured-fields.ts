/**
 * The little of Structured Fields (RFC 9651) that message signatures need: a dictionary whose
 * values stay text, and the inner list of Signature-Input. Strict: what is not understood is
 * malformed, and nothing is guessed.
 */

/** A covered component (RFC 9421 §2) with the two parameters of our profile. */
export type Component = {
  readonly name: string
  /** `;req`: taken from the request that an answer answers. */
  readonly ofRequest?: boolean
  /** `;key="…"`: one member of a dictionary field. */
  readonly key?: string
}

/** The value of one member of Signature-Input. */
export type SignatureInput = {
  readonly components: readonly Component[]
  readonly parameters: {
    /** Seconds since 1970. */
    readonly created: number
    readonly expires: number
    readonly keyid: string
    readonly alg: string
    readonly tag: string
    readonly nonce?: string
  }
  /** The text as it arrived, which is what was signed. */
  readonly received?: string
}

/** Writes a component identifier as RFC 9421 §2 orders its parameters in this profile. */
export function serializeComponent(component: Component): string {
  const request = component.ofRequest === true ? ';req' : ''
  const key = component.key === undefined ? '' : `;key="${component.key}"`
  return `"${component.name}"${request}${key}`
}

/** Writes the inner list with its parameters. */
export function serializeInput(input: SignatureInput): string {
  const { created, expires, keyid, alg, tag, nonce } = input.parameters
  const texts = { keyid, alg, ...(nonce === undefined ? {} : { nonce }), tag }
  for (const [name, text] of Object.entries(texts)) {
    if (!plainText.test(text)) throw new Error(`the signature parameter ${name} is not plain text`)
  }
  const components = input.components.map(serializeComponent).join(' ')
  const rest = Object.entries(texts).map(([name, text]) => `;${name}="${text}"`)
  return `(${components});created=${created};expires=${expires}${rest.join('')}`
}

/** Reads the inner list; undefined when malformed, a parameter is unknown, missing or twice there. */
export function parseInput(text: string | undefined): SignatureInput | undefined {
  if (text === undefined || text.length > inputLengthMax) return undefined
  const found = /^\(([^()]*)\)((?:;[a-z]+=(?:[0-9]{1,12}|"[^"\\]{1,256}"))*)$/.exec(text)
  if (found === null) return undefined
  const components = (found[1] ?? '').split(' ').map(parseComponent)
  const parameters = new Map<string, string | number>()
  for (const [, name, value] of (found[2] ?? '').matchAll(/;([a-z]+)=("[^"]*"|[0-9]+)/g)) {
    if (name === undefined || value === undefined || parameters.has(name)) return undefined
    parameters.set(name, value.startsWith('"') ? value.slice(1, -1) : Number(value))
  }
  const known = takeParameters(parameters)
  if (known === undefined) return undefined
  const whole: Component[] = []
  for (const component of components) {
    if (component === undefined) return undefined
    whole.push(component)
  }
  return { components: whole, parameters: known, received: text }
}

function takeParameters(
  parameters: ReadonlyMap<string, string | number>,
): SignatureInput['parameters'] | undefined {
  const created = parameters.get('created')
  const expires = parameters.get('expires')
  const keyid = parameters.get('keyid')
  const alg = parameters.get('alg')
  const tag = parameters.get('tag')
  const nonce = parameters.get('nonce')
  const size = nonce === undefined ? 5 : 6
  if (
    parameters.size !== size ||
    typeof created !== 'number' ||
    typeof expires !== 'number' ||
    typeof keyid !== 'string' ||
    typeof alg !== 'string' ||
    typeof tag !== 'string' ||
    typeof nonce === 'number'
  ) {
    return undefined
  }
  return { created, expires, keyid, alg, tag, ...(nonce === undefined ? {} : { nonce }) }
}

function parseComponent(text: string): Component | undefined {
  const found = /^"(@?[a-z][a-z0-9-]*)"(;req)?(?:;key="([a-z]+)")?$/.exec(text)
  if (found?.[1] === undefined) return undefined
  return {
    name: found[1],
    ...(found[2] === undefined ? {} : { ofRequest: true }),
    ...(found[3] === undefined ? {} : { key: found[3] }),
  }
}

/**
 * Splits a dictionary field into its members, values as text. Undefined when malformed or when a
 * member occurs twice (RFC 9651 would take the last; two meanings are one too many here).
 */
export function parseDictionary(text: string): ReadonlyMap<string, string> | undefined {
  const members = new Map<string, string>()
  let rest = text.trim()
  while (rest !== '') {
    const found = /^([a-z*][a-z0-9_.*-]*)=((?:"[^"\\]*"|[^,"])+)(?:,[ \t]*(?=.)|$)/.exec(rest)
    if (found?.[1] === undefined || found[2] === undefined) return undefined
    if (members.has(found[1])) return undefined
    members.set(found[1], found[2].trim())
    rest = rest.slice(found[0].length)
  }
  return members
}

/** Printable ASCII without quote and backslash, so that no escaping is needed. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}$/
/** Ours are about 300 characters. */
const inputLengthMax = 2_000
