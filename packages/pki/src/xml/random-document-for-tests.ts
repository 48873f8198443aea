/** Random documents for tests. */
import * as fc from 'fast-check'

/** Documents with a few prefixes declared again and again, and every kind of node. */
export function randomDocument(): fc.Arbitrary<string> {
  const prefix = fc.constantFrom('', 'p', 'q', '接')
  const uri = fc.constantFrom('urn:1', 'urn:2', 'http://example.jp/three')
  const text = fc
    .stringMatching(/^[\t\n\r a-z&<>"'あ-ん]{0,8}$/u)
    .map(each => each.replace(/[&<>"\r]/g, one => `&#${one.charCodeAt(0)};`))
  const declared = fc.array(fc.tuple(prefix, uri), { maxLength: 3 })
  const attributes = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'B', '属', 'xml:lang'), text), {
    selector: ([name]) => name,
    maxLength: 3,
  })
  const { node } = fc.letrec<{ node: string; element: string }>(tie => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      text,
      fc.constantFrom('<!-- c -->', '<?pi data?>', '<![CDATA[<&]]>', '\n'),
      tie('element'),
    ),
    element: fc
      .tuple(prefix, declared, attributes, fc.array(tie('node'), { maxLength: 4 }))
      .map(([own, names, values, children]) => {
        const spaces = new Map<string, string>([['p', 'urn:p'], ...names])
        if (own !== '') spaces.set(own, spaces.get(own) ?? 'urn:o')
        const declarations = Array.from(spaces, ([name, value]) => {
          return ` xmlns${name === '' ? '' : `:${name}`}="${value}"`
        })
        const tag = `${own === '' ? '' : `${own}:`}e`
        const given = values.map(([name, value]) => ` ${name}="${value}"`)
        return `<${tag}${declarations.join('')}${given.join('')}>${children.join('')}</${tag}>`
      }),
  }))
  return node.filter(each => /^<[^!?]/.test(each))
}
