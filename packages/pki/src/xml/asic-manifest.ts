/** ASiCManifest (ETSI EN 319 162-1 §A.4): which files a CAdES signature or a time-stamp in a container is about. */
import type { XmlElement } from 'libxml2-wasm'
import type { HashName } from '../algorithm.ts'
import { decodeBase64 } from '../base64.ts'
import { MalformedError } from '../der.ts'
import { digestOf } from './identifier.ts'
import {
  childElements,
  ChildReader,
  dsig,
  isElement,
  requiredAttribute,
  textOf,
} from './namespace.ts'
import { XmlBudget, XmlSource } from './source.ts'

/** Namespace of ASiC. */
export const asic = 'http://uri.etsi.org/02918/v1.2.1#'
/** Most files of one manifest: as many as entries of an archive. */
const referencesMax = 1000

/** A file that a manifest names. */
export interface ManifestReference {
  readonly uri: string
  readonly mimeType: string | undefined
  readonly hash: HashName | 'weak' | 'unsupported'
  readonly value: Uint8Array
}

/** A manifest. */
export interface AsicManifest {
  /** URI of the signature or time-stamp over the manifest. */
  readonly signature: string
  readonly references: readonly ManifestReference[]
}

/** Reads a manifest. Throws `MalformedError`. */
export function readAsicManifest(xml: Uint8Array): AsicManifest {
  return XmlSource.read(xml, new XmlBudget(), ({ root }) => readManifest(root))
}

function readManifest(root: XmlElement): AsicManifest {
  if (!isElement(root, asic, 'ASiCManifest'))
    throw new MalformedError('value-invalid', 0, root.name)
  const reader = new ChildReader(root)
  const signature = requiredAttribute(reader.required(asic, 'SigReference'), 'URI')
  const list = reader.list(asic, 'DataObjectReference', referencesMax)
  // Extensions may follow; a critical one would be a rule that nobody here knows.
  const extensions = reader.optional(asic, 'ASiCManifestExtensions')
  reader.finish()
  const isCritical = (extensions === undefined ? [] : childElements(extensions)).some(
    each => each.attrs.find(one => one.name === 'Critical')?.value !== 'false',
  )
  if (isCritical) throw new MalformedError('value-invalid', 0, 'critical extension')
  const references = list.map(each => {
    const parts = new ChildReader(each)
    const method = parts.required(dsig, 'DigestMethod')
    const value = decodeBase64(textOf(parts.required(dsig, 'DigestValue')), 'xml')
    const mimeType = each.attrs.find(one => one.name === 'MimeType')?.value
    return {
      uri: requiredAttribute(each, 'URI'),
      mimeType,
      hash: digestOf(requiredAttribute(method, 'Algorithm')),
      value,
    }
  })
  if (references.length === 0) throw new MalformedError('value-invalid', 0, 'no reference')
  return { signature, references }
}
