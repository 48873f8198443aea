/** Authority to act for a corporation: what a receiver of a signed document asks (C12). */
import {
  type AuthorityCheckAnswer,
  authorityCheckAnswer,
  type AuthorityCheckRequest,
} from '@sekisho/contract'
import { toBase64 } from './base64.ts'
import type { Link } from './link.ts'

/** A signed document, for whom it was signed, and what act it does. */
export type AuthorityQuestion = Omit<AuthorityCheckRequest, 'file' | 'content' | 'mandate'> & {
  readonly file: Uint8Array
  readonly content?: Uint8Array
  /** A mandate that the mandator keeps, where it came along. */
  readonly mandate?: Uint8Array
}

/** The checker of mandates. */
export type Authorities = {
  /**
   * Is the author genuine, does the corporation exist, who represented it, and did the author have authority for this act at that time? The
   * chain of evidence comes with the answer, and `signedReport` as a JWS to keep.
   *
   * ```js
   * const { verdict, actor } = await sekisho.checkAuthority({ kind: 'cms', file, corporation, act: 'bid.submit' })
   * ```
   */
  checkAuthority(question: AuthorityQuestion): Promise<AuthorityCheckAnswer>
}

/** The checker over a link. */
export function authoritiesOf(link: Link): Authorities {
  return {
    checkAuthority: async ({ file, content, mandate, ...question }) =>
      authorityCheckAnswer.parse(
        await link.call('POST', '/v1/authority-checks', 'mandate', {
          body: {
            ...question,
            file: toBase64(file),
            ...(content === undefined ? {} : { content: toBase64(content) }),
            ...(mandate === undefined ? {} : { mandate: toBase64(mandate) }),
          } satisfies AuthorityCheckRequest,
          isSafe: false,
        }),
      ),
  }
}
