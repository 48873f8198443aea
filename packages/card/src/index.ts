export type { Command, Response } from './apdu.ts'
export { proveChip, readChipCertificate } from './chip.ts'
export type { CvAnchor, CvCertificate } from './cv-certificate.ts'
export { type Card, CardGone } from './exchange.ts'
export { readBirthDate, readFront, readMyNumberImage, selectFace } from './face.ts'
export type { FaceRecord } from './face-record.ts'
export {
  type FreeFile,
  type FreePlan,
  type FreeType,
  freeTypes,
  isPlan,
  ownerKeyBytes,
  roomOf,
} from './free-plan.ts'
export type { GuardedKind, GuardedNumber } from './guarded.ts'
export {
  checkCertificate,
  logout,
  readAuthenticationCertificate,
  readSignatureCertificate,
  selectJpki,
  sign,
  triesLeft,
  verifyPin,
} from './jpki.ts'
export {
  type OwnerKey,
  type OwnerSession,
  proveOwner,
  readCommonId,
  readLoadedFile,
  readLoadedRecord,
  selectLoaded,
  setLoadedPin,
  verifyLoadedPin,
  writeLoadedFile,
  writeLoadedRecord,
} from './loaded.ts'
export {
  deleteApplication,
  listApplications,
  loadApplication,
  type LoadedApplication,
  type LoadingSession,
  openLoading,
  readFreeRoom,
} from './loading.ts'
export { deriveOwnerKey, heldOwnerKey } from './owner-key.ts'
export { parsePin, Pin, type SecretKind, type SecretName } from './pin.ts'
export { authenticatePinless, type PinlessAnswer } from './pinless.ts'
export { type CardReason, cardReasons, type Outcome } from './reason.ts'
export { readResidentCode, selectResident } from './resident.ts'
export { checkCredential, type TerminalCredential } from './terminal.ts'
export { readMyNumber, readTextAttributes, selectText } from './text.ts'
export type { CardGender, TextAttributes } from './text-record.ts'
export {
  type CardRecord,
  readCardRecord,
  readTokenInformation,
  type TokenInformation,
} from './token.ts'
