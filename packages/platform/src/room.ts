/** The door for what stands on the platform: mandates, mailbox and procedures (ADR 0012). */
export { addUploadRoutes } from './api/upload-routes.ts'
export { claimsOf } from './confirm/claim.ts'
export { signJws } from './confirm/receipt.ts'
export { meaningNow } from './confirm/change.ts'
export { judgeFileForProvider } from './confirm/verify-file.ts'
export type { PlatformTables } from './database.ts'
export { type FileJudgement } from './evidence/file-verification.ts'
export { createUploads, type Uploads } from './evidence/upload.ts'
export {
  certificatesOf,
  knownSubject,
  pairwiseSubject,
  peopleOfSubjects,
  personOf,
  personOfSubject,
  selvesOf,
} from './people/link.ts'
export { findProvider, listProviders, ownProviderId, type Provider } from './providers/registry.ts'
export {
  type Doorway,
  type Ground,
  type OpenRoom,
  type Room,
  roomStore,
  type Round,
} from './rooms/room.ts'
export type { SignedHere, ToSign, Visit, Visitors } from './rooms/visitor.ts'
export type { World } from './world.ts'
