export {
  type Command,
  command,
  composeCommand,
  composeResponse,
  parseCommand,
  parseResponse,
  type Response,
} from './apdu.ts'
export { type Card, CardGone, exchange } from './exchange.ts'
export {
  applicationIds,
  changePin,
  checkCertificate,
  digestInfo,
  jpkiFiles,
  logout,
  readAuthenticationCertificate,
  readCaCertificate,
  readSignatureCertificate,
  selectJpki,
  sign,
  triesLeft,
  verifyPin,
} from './jpki.ts'
export { parsePin, Pin, type SecretKind, triesMax } from './pin.ts'
export { type CardReason, cardReasons, type Outcome } from './reason.ts'
export { reasonOf, statusWords } from './status.ts'
export { composeTlv, parseTlvs, type Tlv } from './tlv.ts'
export {
  type CardRecord,
  readCardRecord,
  readTokenInformation,
  type TokenInformation,
  tokenLabels,
} from './token.ts'
