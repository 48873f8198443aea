/** What an outsider needs to check the ledger without trusting its operator. Pure: bytes in, judgements out. */
export {
  type Cosignature,
  parseWitnessKey,
  verifyCosignatures,
  type WitnessKey,
} from './cosignature.ts'
export {
  type Checkpoint,
  contentHashOf,
  type DisclosedEntry,
  formatLogKey,
  type InclusionProof,
  type LogKey,
  parseLogKey,
  saltBytes,
  verifyCheckpoint,
  verifyConsistency,
  verifyEntry,
  verifyInclusion,
} from './judgement.ts'
export {
  auditPublished,
  type KeptAudit,
  type LogSource,
  type PublishedAudit,
  type Receipt,
} from './published-audit.ts'
export type { Reason, ReasonCode, Verdict } from './reason.ts'
