export type { Command, Response } from './apdu.ts'
export { type Card, CardGone } from './exchange.ts'
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
export { parsePin, Pin, type SecretKind } from './pin.ts'
export { type CardReason, cardReasons, type Outcome } from './reason.ts'
export {
  type CardRecord,
  readCardRecord,
  readTokenInformation,
  type TokenInformation,
} from './token.ts'
