/** Whether a signature covers everything that its document says, or only a part. */
import type { XmlElement } from 'libxml2-wasm'
import { MalformedError } from '../der.ts'
import { childElements, isElement, xades132 } from './namespace.ts'
import type { XmlFiles } from './reference.ts'
import type { XmlSignature } from './signature-element.ts'
import type { XmlSource } from './source.ts'
import type { XmlCovered } from './xml-signer.ts'

/**
 * Whether all is covered that the caller may read: the document outside signatures, what this signature itself holds as
 * content, and every file that was given. Comments never are. Where the signature is the document, only its content counts.
 */
export function coversWhole(
  source: XmlSource,
  signature: XmlSignature,
  covered: readonly XmlCovered[],
  files: XmlFiles,
): boolean {
  const isSignatureAlone = signature.element.parent === null
  return (
    (isSignatureAlone || coversDocument(source, covered)) &&
    signature.objects.every(each => isCovered(each, source, covered)) &&
    [...files.keys()].every(uri =>
      covered.some(({ coverage: { target } }) => target.kind === 'file' && target.uri === uri),
    )
  )
}

function coversDocument(source: XmlSource, covered: readonly XmlCovered[]): boolean {
  return covered.some(({ coverage: { target, form } }) => {
    if (form !== 'canonical') return false
    if (target.kind === 'document') return true
    // Outside the root there may be a style sheet's name, which changes what is seen.
    return target.kind === 'element' && target.isRoot && !source.hasOuterInstructions
  })
}

function isCovered(object: XmlElement, source: XmlSource, covered: readonly XmlCovered[]): boolean {
  const [child, ...others] = childrenOf(object)
  const single = others.length === 0 ? child : undefined
  // The properties are judged by themselves.
  if (single !== undefined && isElement(single, xades132, 'QualifyingProperties')) return true
  const paths = [object, ...(single === undefined ? [] : [single])].map(each => source.pathOf(each))
  return covered.some(
    ({ coverage: { target } }) => target.kind === 'object' && paths.includes(target.path),
  )
}

// What has text beside elements is covered with its object or not at all.
function childrenOf(object: XmlElement): readonly XmlElement[] {
  try {
    return childElements(object)
  } catch (error) {
    if (error instanceof MalformedError) return []
    throw error
  }
}
