export {
  acr,
  type ChangeAnswer,
  type CertificateCheckAnswer,
  type ChangeMeaning,
  type CustomerLink,
  type DeletionProof,
  type FeeStatement,
  type IdentityClaims,
  type KeptResult,
  type LatestAnswer,
  type MailAddress,
  type MailBulkLine,
  type MailBulkResult,
  type MailBulkState,
  type MailDocument,
  type MailItem,
  type MailKind,
  type MailReceipt,
  type MailReceived,
  type MailStanding,
  type Receipt,
  type RefusalCode,
  refusals,
  type Terminal,
  type VerificationReport,
} from '@sekisho/contract'
export {
  type AttributeDifference,
  type Comparison,
  compareAddresses,
  compareNames,
  compareReadings,
  differenceOf,
} from '@sekisho/contract/japan'
export type { Arrival, IdentityScope } from './arrival.ts'
export type { Customers } from './customer.ts'
export type { Events, SekishoEvent } from './event.ts'
export type { LatestAttributes } from './latest.ts'
export type { Authorities, AuthorityQuestion } from './authority.ts'
export type { Letter, LetterReceipt, Mailbox } from './mail.ts'
export type { FileSource } from './upload.ts'
export type { KeptResults } from './result.ts'
export { createSite, type Site, type SiteOptions, type Visitor } from './site.ts'
export { SekishoError } from './failure.ts'
export type { SekishoOptions } from './options.ts'
export type { Sessions } from './session.ts'
export type { DeviceCode, WaitingLogin, WaitingLogins } from './waiting.ts'
export {
  type Begun,
  createSekisho,
  type Manner,
  type Pending,
  type Sekisho,
  type Signed,
  type SigningState,
} from './sekisho.ts'
