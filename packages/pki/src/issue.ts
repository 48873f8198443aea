/**
 * Door `./issue`: makes certificates, revocation lists, OCSP responses and time-stamps, and holds the TEST ONLY key pool. For the
 * authority and for tests; the product never imports it.
 */
export {
  type CertificateContent,
  type EncodedExtension,
  encodeExtension,
  encodeTbsCertificate,
  extension,
  generalName,
  issueCertificate,
  keyIdentifier,
  type PointContent,
  type Signer,
  signed,
} from './issue/certificate.ts'
export {
  type CrlContent,
  type CrlScopeContent,
  issueCrl,
  type RevokedEntry,
} from './issue/crl.ts'
export {
  healthcareRolesExtension,
  privateKeyUsageExtension,
  registeredCorporationExtension,
  registrarExtension,
} from './issue/holder.ts'
export {
  type AuthorityRequest,
  type IssuingAuthority,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  issueResponderCertificate,
  issueSignatureCertificate,
  type LeafRequest,
  lastInstantOfDay,
  partitionName,
  type ResponderRequest,
  type SignatureLeafRequest,
} from './issue/jpki.ts'
export {
  issueOcspRefusal,
  issueOcspResponse,
  type OcspAnswerContent,
  type OcspResponder,
  type OcspResponseContent,
  type OcspStatus,
} from './issue/ocsp.ts'
export { type PoolKey, poolCurveKey, poolKey, poolSize } from './issue/pool.ts'
export {
  issueTimeStampCertificate,
  issueTimeStampRefusal,
  issueTimeStampResponse,
  issueTimeStampToken,
  type TimeStampAuthority,
  type TimeStampContent,
} from './issue/time-stamp.ts'
