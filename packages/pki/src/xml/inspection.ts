/**
 * What an XML signature signs, without a judgement about it: for a reader that shows a document before the card signs it, and
 * for whoever wants to see the very bytes.
 */
import type { SignatureAlgorithm } from '../algorithm.ts'
import { MalformedError } from '../der.ts'
import { KeyCache } from '../key-cache.ts'
import { passed, type Reason, rejected, rejectedFor, type Verdict } from '../reason.ts'
import { coversWhole } from './coverage.ts'
import { reasonOf, type XmlFiles } from './reference.ts'
import { XmlBudget, XmlSource } from './source.ts'
import { checkXmlSignature, type XmlCovered } from './xml-signer.ts'

/** What is signed by one signature, whether it has been made yet or not. */
export interface XmlInspection {
  /** The canonical SignedInfo: the key signs these bytes, hashing included. */
  readonly toBeSigned: Uint8Array
  readonly algorithm: SignatureAlgorithm
  /** Everything covered, with the bytes that were hashed. */
  readonly covered: readonly XmlCovered[]
  readonly isWhole: boolean
}

/**
 * Recomputes what the signature at a position signs. Passes when each reference is right; says nothing about the signature's value,
 * which may be empty still, nor about any certificate.
 */
export function inspectXmlSignature(
  xml: Uint8Array,
  position: number,
  files: XmlFiles,
): Verdict<XmlInspection> {
  const budget = new XmlBudget()
  try {
    using source = XmlSource.open(xml, budget)
    if (source.signatures().length <= position) return rejectedFor('xml-unsigned')
    const found = checkXmlSignature({
      source,
      position,
      files,
      certificates: [],
      keys: new KeyCache(1),
      budget,
    })
    const { signature, toBeSigned, algorithm, covered } = found
    const [first, ...rest]: readonly Reason[] = found.contentReasons
    if (first !== undefined) return rejected([first, ...rest])
    if (signature === undefined || toBeSigned === undefined || algorithm === undefined) {
      return rejectedFor('xml-signature-malformed')
    }
    const isWhole = coversWhole(source, signature, covered, files)
    return passed({ toBeSigned, algorithm, covered, isWhole })
  } catch (error) {
    if (error instanceof MalformedError) return rejected([reasonOf(error)])
    throw error
  }
}
