/** What a JWS signature signs, without a judgement about it: for a reader that shows a document before the card signs it. */
import type { SignatureAlgorithm } from '../algorithm.ts'
import { MalformedError } from '../der.ts'
import { KeyCache } from '../key-cache.ts'
import { passed, type Reason, rejected, rejectedFor, type Verdict } from '../reason.ts'
import { parseJws } from './jws.ts'
import { checkJwsSignature, type JwsCovered, type JwsFiles } from './jws-signer.ts'

/** What is signed by one signature, whether it has been made yet or not. */
export interface JwsInspection {
  /** Protected header and payload as they are signed, hashing included. */
  readonly toBeSigned: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly covered: readonly JwsCovered[]
}

/**
 * Recomputes what the signature at a position signs. Passes when header and content are right; says nothing about the value, which
 * may be empty still, nor about any certificate.
 */
export function inspectJwsSignature(
  jws: Uint8Array,
  position: number,
  given: { readonly payload: Uint8Array | undefined; readonly files: JwsFiles },
): Verdict<JwsInspection> {
  try {
    const { payload, signatures } = parseJws(jws)
    const signature = signatures[position]
    if (signature === undefined) return rejectedFor('jws-malformed', { position })
    const found = checkJwsSignature(signature, {
      payload,
      detached: given.payload,
      files: given.files,
      certificates: [],
      keys: new KeyCache(1),
    })
    const { toBeSigned, algorithm, covered } = found
    const [first, ...rest]: readonly Reason[] = found.contentReasons
    if (first !== undefined) return rejected([first, ...rest])
    if (toBeSigned === undefined || algorithm === undefined) return rejectedFor('jws-malformed')
    return passed({ toBeSigned, algorithm, covered })
  } catch (error) {
    if (error instanceof MalformedError) {
      return rejectedFor('jws-malformed', { detail: error.message })
    }
    throw error
  }
}
