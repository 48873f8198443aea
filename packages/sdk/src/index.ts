export {
  acr,
  type ChangeAnswer,
  type ChangeMeaning,
  type FeeStatement,
  type IdentityClaims,
  type Receipt,
  type RefusalCode,
  refusals,
  type VerificationReport,
} from '@sekisho/contract'
export { SekishoError } from './failure.ts'
export {
  type Arrival,
  createSekisho,
  type IdentityScope,
  type Pending,
  type Sekisho,
  type SekishoOptions,
  type Signed,
} from './sekisho.ts'
