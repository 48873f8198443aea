/**
 * DER as a tree that can be bent and written again, for tests: what is altered is one rule at a time (a length form, a tag, a
 * value, an order), and everything around it stays whole.
 */
import { objectIdentifier } from './der-writer.ts'

/** An element. Values that hold DER themselves (extensions, attributes in OCTET STRING) are opened too. */
export interface DerNode {
  tag: number
  /** Children, or the octets of a primitive value. */
  content: DerNode[] | Uint8Array
  /** How the length is written; DER knows `shortest` only. */
  length: 'shortest' | 'padded' | 'indefinite' | 'too-short' | 'too-long'
}

/** Reads whole DER of single-octet tags; undefined for anything else. */
export function readTree(bytes: Uint8Array): DerNode | undefined {
  const found = readNodes(bytes)
  return found?.length === 1 ? found[0] : undefined
}

/** Writes the tree. */
export function writeTree(node: DerNode): Uint8Array {
  const content =
    node.content instanceof Uint8Array
      ? node.content
      : Buffer.concat(node.content.map(child => writeTree(child)))
  const header = headerOf(node, content.length)
  const end = node.length === 'indefinite' ? [0, 0] : []
  return Uint8Array.from(Buffer.concat([header, content, Uint8Array.from(end)]))
}

/** Every node with its parent, outermost first. */
export function nodesOf(
  node: DerNode,
  parent?: DerNode,
): { readonly node: DerNode; readonly parent: DerNode | undefined }[] {
  const children = node.content instanceof Uint8Array ? [] : node.content
  return [{ node, parent }, ...children.flatMap(child => nodesOf(child, node))]
}

/** Bends the tree in one place, in a way drawn by `next` (a whole number below its argument). Says what was done. */
export function bend(root: DerNode, next: (limit: number) => number): string {
  const places = nodesOf(root)
  const { node, parent } = drawn(places, next)
  const kinds = bendings.filter(each => each.fits(node, parent))
  const bending = drawn(kinds, next)
  bending.apply(node, parent, next)
  return `${bending.name} at tag ${node.tag.toString(16)}`
}

interface Bending {
  readonly name: string
  readonly fits: (node: DerNode, parent: DerNode | undefined) => boolean
  readonly apply: (
    node: DerNode,
    parent: DerNode | undefined,
    next: (limit: number) => number,
  ) => void
}

const isPrimitive = (node: DerNode): boolean => node.content instanceof Uint8Array
const siblings = (parent: DerNode | undefined): DerNode[] =>
  parent === undefined || parent.content instanceof Uint8Array ? [] : parent.content

const bendings: readonly Bending[] = [
  {
    name: 'octet altered',
    fits: node => node.content instanceof Uint8Array && node.content.length > 0,
    apply: (node, _parent, next) => {
      if (!(node.content instanceof Uint8Array)) return
      const bent = Uint8Array.from(node.content)
      const at = next(bent.length)
      bent[at] = next(2) === 0 ? (bent[at] ?? 0) ^ (1 << next(8)) : next(256)
      node.content = bent
    },
  },
  {
    name: 'octet inserted',
    fits: isPrimitive,
    apply: (node, _parent, next) => {
      if (!(node.content instanceof Uint8Array)) return
      const at = next(2) === 0 ? 0 : node.content.length
      const octet = drawn([0x00, 0xff, 0x30, 0x80], next)
      node.content = Uint8Array.from([
        ...node.content.subarray(0, at),
        octet,
        ...node.content.subarray(at),
      ])
    },
  },
  {
    name: 'emptied',
    fits: () => true,
    apply: node => {
      node.content = node.content instanceof Uint8Array ? new Uint8Array() : []
    },
  },
  {
    name: 'tag changed',
    fits: () => true,
    apply: (node, _parent, next) => {
      node.tag = drawn(tagsToTry, next)
    },
  },
  {
    name: 'length written otherwise',
    fits: () => true,
    apply: (node, _parent, next) => {
      node.length = drawn(['padded', 'indefinite', 'too-short', 'too-long'] as const, next)
    },
  },
  {
    name: 'dropped',
    fits: (_node, parent) => parent !== undefined,
    apply: (node, parent) => {
      siblings(parent).splice(siblings(parent).indexOf(node), 1)
    },
  },
  {
    name: 'doubled',
    fits: (_node, parent) => parent !== undefined,
    apply: (node, parent) => {
      siblings(parent).splice(siblings(parent).indexOf(node), 0, structuredClone(node))
    },
  },
  {
    name: 'swapped with the next',
    fits: (node, parent) => siblings(parent).indexOf(node) < siblings(parent).length - 1,
    apply: (node, parent) => {
      const all = siblings(parent)
      const at = all.indexOf(node)
      all.splice(at, 2, ...all.slice(at, at + 2).toReversed())
    },
  },
  {
    name: 'identifier changed',
    fits: node => node.tag === 0x06,
    apply: (node, _parent, next) => {
      node.content = objectIdentifier(drawn(identifiersToTry, next)).subarray(2)
    },
  },
  {
    name: 'time changed',
    fits: node => node.tag === 0x17 || node.tag === 0x18,
    apply: (node, _parent, next) => {
      const [tag, text] = drawn(timesToTry, next)
      node.tag = tag
      node.content = new TextEncoder().encode(text)
    },
  },
  {
    name: 'truth changed',
    fits: node => node.tag === 0x01,
    apply: (node, _parent, next) => {
      node.content = Uint8Array.of(drawn([0x00, 0x01, 0x7f, 0xff], next))
    },
  },
  {
    name: 'number changed',
    fits: node => node.tag === 0x02,
    apply: (node, _parent, next) => {
      node.content = Uint8Array.from(
        drawn([[0], [1], [2], [3], [0x80], [0, 1], [0xff, 0x80]], next),
      )
    },
  },
]

const tagsToTry = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31, 0x80,
  0x81, 0x86, 0xa0, 0xa1, 0xa3,
] as const

const identifiersToTry = [
  '2.5.29.14',
  '2.5.29.15',
  '2.5.29.17',
  '2.5.29.19',
  '2.5.29.30',
  '2.5.29.32',
  '2.5.29.35',
  '2.5.29.36',
  '2.5.29.37',
  '2.5.4.3',
  '2.5.4.10',
  '1.2.840.113549.1.1.5',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.7.1',
  '1.2.840.113549.1.9.3',
  '1.2.840.113549.1.9.4',
  '1.2.840.113549.1.9.5',
  '2.16.840.1.101.3.4.2.1',
  '1.3.14.3.2.26',
  '2.999.1',
] as const

/** Past, future, and every way of writing a time that RFC 5280 §4.1.2.5 knows or forbids. */
const timesToTry: readonly (readonly [number, string])[] = [
  [0x17, '200101000000Z'],
  [0x17, '270101000000Z'],
  [0x17, '491231235959Z'],
  [0x17, '500101000000Z'],
  [0x17, '2701010000Z'],
  [0x17, '270101000000+0900'],
  [0x17, '270230000000Z'],
  [0x17, '270101240000Z'],
  [0x17, '270101000060Z'],
  [0x18, '20270101000000Z'],
  [0x18, '20991231235959Z'],
  [0x18, '99991231235959Z'],
  [0x18, '20270101000000.5Z'],
  [0x18, '202701010000Z'],
  [0x18, '20270101000000'],
]

function readNodes(bytes: Uint8Array): DerNode[] | undefined {
  const nodes: DerNode[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0
    const first = bytes[at + 1]
    if (first === undefined || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x83)
      return undefined
    const count = first < 0x80 ? 0 : first & 0x7f
    let length = count === 0 ? first : 0
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0)
    const begin = at + 2 + count
    if (begin + length > bytes.length) return undefined
    const value = bytes.slice(begin, begin + length)
    const inner = (tag & 0x20) !== 0 || (tag === 0x04 && length > 1) ? readNodes(value) : undefined
    if ((tag & 0x20) !== 0 && inner === undefined) return undefined
    // An OCTET STRING counts as a wrapping only when there is exactly one element in it.
    const isOpened = inner !== undefined && ((tag & 0x20) !== 0 || inner.length === 1)
    nodes.push({ tag, content: isOpened ? inner : value, length: 'shortest' })
    at = begin + length
  }
  return nodes
}

function headerOf({ tag, length: form }: DerNode, actual: number): Uint8Array {
  if (form === 'indefinite') return Uint8Array.of(tag, 0x80)
  const told =
    form === 'too-short' ? Math.max(0, actual - 1) : form === 'too-long' ? actual + 1 : actual
  const octets: number[] = []
  for (let rest = told; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  if (form === 'padded') octets.unshift(0)
  if (form !== 'padded' && told < 0x80) return Uint8Array.of(tag, told)
  return Uint8Array.of(tag, 0x80 | octets.length, ...octets)
}

function drawn<T>(from: readonly T[], next: (limit: number) => number): T {
  const found = from[next(from.length)]
  if (found === undefined) throw new Error('nothing to draw from')
  return found
}
