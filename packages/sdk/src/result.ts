/** Results that the platform keeps for a provider, and checks of certificates by the provider's own ids. */
import {
  type CertificateCheckAnswer,
  certificateCheckAnswer,
  type DeletionProof,
  deletionProof,
  type KeptResult,
  keptResult,
  keptResultList,
} from '@sekisho/contract'
import type { Link } from './link.ts'

/** What there is to do with kept results; see `keepDays` of {@link Sekisho.verify}. */
export type KeptResults = {
  /**
   * A result that was kept. `result-unknown` when it has run out, was deleted, or is another's.
   *
   * ```js
   * const { verdict, certificateId } = await sekisho.readResult(id)
   * ```
   */
  readResult(id: string): Promise<KeptResult>
  /**
   * Kept results after an id, a hundred at a time.
   *
   * ```js
   * const { results, isComplete } = await sekisho.listResults()
   * ```
   */
  listResults(
    after?: string,
  ): Promise<{ readonly results: readonly KeptResult[]; readonly isComplete: boolean }>
  /**
   * Deletes a result. The proof stands in the platform's ledger; its inclusion follows within seconds ({@link KeptResults.readDeletion}).
   *
   * ```js
   * const { deletedAt } = await sekisho.deleteResult(id)
   * ```
   */
  deleteResult(id: string): Promise<DeletionProof>
  /**
   * The proof that a result is gone, also of one whose time ran out.
   *
   * ```js
   * const { why, inclusion } = await sekisho.readDeletion(id)
   * ```
   */
  readDeletion(id: string): Promise<DeletionProof>
  /**
   * How the certificate of a kept result stands now: `valid` or `not-valid`. Charged once a day.
   *
   * ```js
   * const { state } = await sekisho.checkCertificate(certificateId)
   * ```
   */
  checkCertificate(
    certificateId: string,
    purpose?: 'transaction' | 'current-status',
  ): Promise<CertificateCheckAnswer>
}

/** The calls. */
export function keptResultsOf(link: Link): KeptResults {
  const call = (method: 'GET' | 'DELETE', path: string): Promise<unknown> =>
    link.call(method, `/v1/results${path}`, 'verify', { isSafe: method === 'GET' })
  const at = (id: string): string => `/${encodeURIComponent(id)}`
  return {
    readResult: async id => keptResult.parse(await call('GET', at(id))),
    listResults: async (after = '') =>
      keptResultList.parse(await call('GET', `?after=${encodeURIComponent(after)}`)),
    deleteResult: async id => deletionProof.parse(await call('DELETE', at(id))),
    readDeletion: async id => deletionProof.parse(await call('GET', `${at(id)}/deletion`)),
    checkCertificate: async (certificateId, purpose = 'transaction') =>
      certificateCheckAnswer.parse(
        await link.call('POST', '/v1/certificate-checks', 'verify', {
          body: { certificateId, purpose },
          isSafe: true,
        }),
      ),
  }
}
