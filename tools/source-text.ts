/**
 * Reads a source text as far as the floor test needs it: what it imports and what it exports. Comments, strings, templates
 * and regular expressions are told apart, so that nothing hides in one and nothing in one is taken for code.
 */

/** One import, in whatever form it is written. */
export type Import = {
  /** Undefined when it is computed, so that nobody can say what it names. */
  readonly from: string | undefined
  /** Names that are taken; `*` for the whole module. Empty for an import for its effect. */
  readonly names: readonly string[]
}

/** One exported name. `isUsedHere`: the file itself mentions it a second time. */
export type Export = {
  readonly name: string
  readonly isType: boolean
  readonly isUsedHere: boolean
}

type Token = { readonly kind: 'word' | 'text' | 'template' | 'mark'; readonly text: string }

/** Every import: static, for types, re-exported, dynamic, `import x = require()`, `require()`, `resolve()`. */
export function importsOf(source: string): readonly Import[] {
  const tokens = tokensOf(source)
  return tokens.flatMap((token, at) => {
    const before = tokens[at - 1]?.text
    const next = tokens[at + 1]
    if (token.kind !== 'word' || (before === '.' && token.text !== 'resolve')) return []
    switch (token.text) {
      case 'import':
        if (next?.text === '(' && next.kind === 'mark') return [called(tokens, at + 1)]
        if (next?.text === '.') return []
        if (next?.kind === 'text') return [{ from: next.text, names: [] }]
        return clause(tokens, at + 1)
      case 'export':
        return /^[{*]$/.test((next?.text === 'type' ? tokens[at + 2] : next)?.text ?? '')
          ? clause(tokens, at + 1)
          : []
      case 'require':
        return next?.text === '(' ? [called(tokens, at + 1)] : []
      case 'resolve':
        return isModuleResolve(tokens, at) ? [called(tokens, at + 1)] : []
      default:
        return []
    }
  })
}

/** Exported names of a file; not the unnamed ones that it passes on with `export * from`. */
export function exportsOf(source: string): readonly Export[] {
  const tokens = tokensOf(source)
  const count = new Map<string, number>()
  for (const { kind, text } of tokens)
    if (kind === 'word') count.set(text, (count.get(text) ?? 0) + 1)
  return tokens.flatMap((token, at) => {
    if (token.kind !== 'word' || token.text !== 'export') return []
    const words = tokens.slice(at + 1, at + 6)
    if (words[0]?.text === '*') {
      const name = words[1]?.text === 'as' ? words[2]?.text : undefined
      return name === undefined ? [] : [{ name, isType: false, isUsedHere: false }]
    }
    const first = words.findIndex(({ text }) => !modifiers.has(text))
    const kind = words[first - 1]?.text ?? ''
    const name = words[first]
    if (name?.text === '{') {
      const listed = namesIn(tokens, at + 1 + first)
      return listed.names.map(([own, told, isType]) => ({
        name: told,
        isType: isType || kind === 'type',
        isUsedHere: listed.from === undefined && (count.get(own) ?? 0) > 1,
      }))
    }
    if (name?.kind !== 'word' || first === 0) return []
    return [
      {
        name: words[0]?.text === 'default' ? 'default' : name.text,
        isType: kind === 'type' || kind === 'interface',
        isUsedHere: (count.get(name.text) ?? 0) > 1,
      },
    ]
  })
}

const modifiers = new Set(
  'async function class abstract const let var type interface default declare *'.split(' '),
)

/** `(…)` after a call: its first argument when it stands there as plain text. */
function called(tokens: readonly Token[], open: number): Import {
  const argument = tokens[open + 1]
  const end = tokens[open + 2]?.text
  const isPlain = argument?.kind === 'text' && (end === ')' || end === ',')
  return { from: isPlain ? argument.text : undefined, names: ['*'] }
}

function isModuleResolve(tokens: readonly Token[], at: number): boolean {
  if (tokens[at + 1]?.text !== '(' || tokens[at - 1]?.text !== '.') return false
  const owner = tokens[at - 2]?.text
  const before = tokens.slice(Math.max(0, at - 10), at).map(token => token.text)
  return owner === 'meta' || owner === 'require' || before.includes('createRequire')
}

/** From after `import` or `export` to the text behind `from`; `= require(…)` is read as the call that it is. */
function clause(tokens: readonly Token[], start: number): readonly Import[] {
  const names: string[] = []
  for (let at = start; at < tokens.length; at++) {
    const { kind, text } = tokens[at] ?? { kind: 'mark', text: '' }
    if (kind === 'mark' && text === '{') {
      const listed = namesIn(tokens, at)
      names.push(...listed.names.map(([own]) => own))
      if (listed.from !== undefined) return [{ from: listed.from, names }]
      return []
    }
    if (kind === 'mark' && text === '*') names.push('*')
    const next = tokens[at + 1]
    if (text === 'from' && next?.kind === 'text') return [{ from: next.text, names }]
    if (kind === 'text' || (kind === 'mark' && !/^[,*]$/.test(text))) return []
    if (kind === 'word' && next?.text !== undefined && /^(from|,)$/.test(next.text))
      if (!names.includes('*')) names.push('default')
  }
  return []
}

type Named = readonly [own: string, told: string, isType: boolean]

/** `{ a, type b, c as d } from '…'`: the name there, the name here, and whether it is only a type. */
function namesIn(
  tokens: readonly Token[],
  open: number,
): { names: readonly Named[]; from: string | undefined } {
  const close = tokens.findIndex((token, at) => at > open && token.text === '}')
  const names = tokens
    .slice(open + 1, close)
    .map(token => (token.kind === 'mark' ? ',' : token.text))
    .join(' ')
    .split(',')
    .map(one => one.trim())
    .filter(one => one !== '')
    .map((one): Named => {
      const isType = /^type (?!as\b|$)/.test(one)
      const [own = '', told] = (isType ? one.slice('type '.length) : one).split(' as ')
      return [own, told ?? own, isType]
    })
  const isFrom = tokens[close + 1]?.text === 'from' && tokens[close + 2]?.kind === 'text'
  return { names, from: isFrom ? tokens[close + 2]?.text : undefined }
}

/** Words, texts and marks of a source, in order; the code inside a template's `${…}` as well. */
function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = []
  // Depth of braces at which each template that is being read goes on.
  const templates: number[] = []
  let depth = 0
  const pattern = new RegExp(lexical, 'uy')
  let at = 0
  while (at < source.length) {
    const last = tokens.at(-1)
    if (source[at] === '}' && templates.at(-1) === depth) {
      templates.pop()
      at = template(source, at, templates, depth, tokens)
      continue
    }
    if (source[at] === '`') {
      at = template(source, at, templates, depth, tokens)
      continue
    }
    if (source[at] === '/' && !/^\/[/*]/.test(source.slice(at, at + 2)) && mayBegin(last)) {
      const found = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/.exec(
        source.slice(at, at + 2000),
      )
      if (found !== null) {
        tokens.push({ kind: 'mark', text: 'regex' })
        at += found[0].length
        continue
      }
    }
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found === null) throw new Error(`nothing matches at ${at}`)
    at += found[0].length
    const { word, text, mark } = found.groups ?? {}
    if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (text !== undefined) tokens.push({ kind: 'text', text: text.slice(1, -1) })
    else if (mark !== undefined) {
      if (mark === '{') depth += 1
      if (mark === '}') depth -= 1
      tokens.push({ kind: 'mark', text: mark })
    }
  }
  return tokens
}

/** Reads a template's text from its opening or from a `}`; returns where code goes on. */
function template(
  source: string,
  start: number,
  templates: number[],
  depth: number,
  tokens: Token[],
): number {
  let at = start + 1
  while (at < source.length && source[at] !== '`') {
    if (source[at] === '\\') at += 1
    else if (source.startsWith('${', at)) {
      templates.push(depth)
      tokens.push({ kind: 'template', text: '' })
      return at + 2
    }
    at += 1
  }
  const whole = source[start] === '`'
  tokens.push(
    whole ? { kind: 'text', text: source.slice(start + 1, at) } : { kind: 'template', text: '' },
  )
  return at + 1
}

/** Whether a slash after this token begins a regular expression rather than divides. */
function mayBegin(last: Token | undefined): boolean {
  if (last === undefined) return true
  if (last.kind === 'word') return /^(return|typeof|case|in|of|await|yield|void)$/.test(last.text)
  return last.kind === 'mark' && !/^[)\]}]$|^regex$/.test(last.text)
}

const lexical = [
  String.raw`\s+`,
  String.raw`\/\/[^\n]*`,
  String.raw`\/\*[\s\S]*?(?:\*\/|$)`,
  String.raw`(?<word>[\p{L}\p{N}_$#@]+)`,
  String.raw`(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")`,
  String.raw`(?<mark>[\s\S])`,
].join('|')
