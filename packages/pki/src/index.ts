/** Door `.` of the trust core: bytes and a time in, a judgement out. */
export {
  encodeSignatureAlgorithm,
  type HashName,
  hashOf,
  isSignatureAlgorithm,
  type KeyFacts,
  parseKeyFacts,
  type SignatureAlgorithm,
  signatureAlgorithm,
} from './algorithm.ts'
export {
  type AsicDemands,
  type AsicLevel,
  type AsicReport,
  type AsicSignatureReport,
  validateAsic,
} from './asice/validation.ts'
export {
  Certificate,
  certificateBytesMax,
  parseCertificate,
  type UnknownExtension,
} from './certificate.ts'
export { type CertificateDemands, validateCertificate } from './certificate-validation.ts'
export {
  type CmsSigner,
  cmsBytesMax,
  contentTypes,
  parseSignedData,
  type SignedData,
  type SignerIdentifier,
} from './cms.ts'
export { attributeIds, type CmsAttribute } from './cms-attribute.ts'
export type { CmsContent } from './cms-signer.ts'
export {
  type CmsDemands,
  type CmsLevel,
  type CmsReport,
  type CmsSignerReport,
  type ValidCmsSigner,
  validateCms,
} from './cms-validation.ts'
export {
  constantTimeEqual,
  digest,
  importPrivateKey,
  importPublicKey,
  PrivateKey,
  PublicKey,
} from './crypto.ts'
export {
  type BitString,
  bytesEqual,
  contextConstructed,
  contextPrimitive,
  DerReader,
  type MalformedCode,
  MalformedError,
  readAll,
  tags,
  toHex,
} from './der.ts'
export { BatchLineError } from './batch-line.ts'
export { type CrlEntry, type CrlScope, crlBytesMax, parseCrl, RevocationList } from './crl.ts'
export {
  type CrlDemands,
  crlSigners,
  entryIn,
  judgeByCrls,
  type RevocationSource,
  VerifiedCrl,
  verifyCrl,
} from './crl-judgement.ts'
export { CrlSigners } from './crl-signer.ts'
export * as der from './der-writer.ts'
export {
  accessMethods,
  anyPolicy,
  type AuthorityKeyIdentifier,
  type BasicConstraints,
  type DistributionPoint,
  keyUsages,
  type NameConstraints,
  type PolicyConstraints,
  type PolicyInformation,
  type PolicyQualifier,
  practiceStatementId,
  purposes,
  readPolicyQualifiers,
} from './extension.ts'
export {
  type FileCase,
  type FileOutcome,
  judgeFileCase,
  parseFileCase,
} from './file-batch.ts'
export {
  attributeNames,
  type BirthDate,
  type Era,
  encodeBirthDate,
  encodeGender,
  type FourAttributes,
  type Gender,
  readFourAttributes,
} from './four-attributes.ts'
export type { GeneralName, GeneralNameKind } from './general-name.ts'
export { type HealthcareRole, readHealthcareRoles } from './healthcare-role.ts'
export {
  type Mandate,
  mandateName,
  type MandateScope,
  mandateScopeMax,
  readMandate,
} from './mandate.ts'
export type { Indication, SubIndication } from './indication.ts'
export { inspectJwsSignature, type JwsInspection } from './jws/inspection.ts'
export { jwsBytesMax } from './jws/jws.ts'
export type { JwsCovered, JwsFiles } from './jws/jws-signer.ts'
export {
  type JwsDemands,
  type JwsLevel,
  type JwsReport,
  type JwsSignatureReport,
  type ValidJwsSignature,
  validateJws,
} from './jws/jws-validation.ts'
export { KeyCache } from './key-cache.ts'
export type { ColdReader } from './long-serial-table.ts'
export { attributeTypes, encodeName, Name, type NameAttribute } from './name.ts'
export {
  type CertIdHash,
  certIdIssuerMatches,
  certIdMatches,
  encodeOcspRequest,
  type OcspAnswer,
  type OcspCertId,
  type OcspRequest,
  type OcspResponse,
  type OcspUnsuccessful,
  ocspCertId,
  parseOcspRequest,
  parseOcspResponse,
} from './ocsp.ts'
export {
  checkIssued,
  type PathBudget,
  type PathDemands,
  pathBudget,
  VerifiedPath,
  verifyPath,
} from './path.ts'
export {
  judgePathCase,
  type PathCase,
  type PathOutcome,
  parsePathCase,
} from './path-batch.ts'
export {
  judgeByOcsp,
  type OcspDemands,
  type OcspLimits,
  ocspLimits,
} from './ocsp-judgement.ts'
export type { PolicyInputs, PolicyOutputs } from './policy-graph.ts'
export { type ByteSource, sourceOf } from './pdf/byte-source.ts'
export { contentOfSource } from './cms-stream.ts'
export {
  type JudgedPdfChange,
  type PdfChange,
  type PdfChangeCode,
  pdfChangeCodes,
} from './pdf/change.ts'
export type { FieldLock, PdfClaims, PdfPermissions } from './pdf/signature-dictionary.ts'
export { type PdfLevel, pdfLevels, type ValidPdfSignature } from './pdf/signature-judgement.ts'
export {
  type PdfDemands,
  type PdfReport,
  type PdfSignatureReport,
  type PdfTimeStampReport,
  signedRevision,
  validatePdf,
} from './pdf/validation.ts'
export { isPoolKey } from './pool-key.ts'
export {
  type CertificateKind,
  type CertificateProfile,
  type ClassifiedLeaf,
  classifyLeaf,
  isKeyAllowed,
  isTownAnchor,
  jpkiReal,
  jpkiTown,
  type KeyDemand,
  type LeafProfile,
  leafProfile,
  partitionOf,
} from './profile.ts'
export {
  readRegisteredCorporation,
  type RegisteredCorporation,
} from './registered-corporation.ts'
export {
  type Evidence,
  type Instant,
  isReasonCode,
  type NonEmpty,
  passed,
  type Reason,
  type ReasonCode,
  rankOf,
  reason,
  reasonCodes,
  rejected,
  rejectedFor,
  sayingOf,
  type Verdict,
} from './reason.ts'
export { type RevocationReason, reasonNumber, reasonOfNumber } from './revocation-reason.ts'
export {
  judgeRevocation,
  NotRevoked,
  type RevocationEvidence,
  type SignerSource,
} from './revocation.ts'
export { type ListOutcome, RevocationBuilder } from './revocation-builder.ts'
export {
  type IndexAnswer,
  type IndexChange,
  type ListedEntry,
  type PartitionFacts,
  RevocationIndex,
} from './revocation-index.ts'
export {
  coldInMemory,
  readSnapshot,
  type Snapshot,
  type SnapshotBytes,
} from './revocation-snapshot.ts'
export {
  encodeDigestInfo,
  type SignatureForm,
  type SignedContent,
  verifySignature,
} from './signature.ts'
export {
  describeSignedFile,
  isSignedFileKind,
  type SignatureOutcome,
  type SignedFileDemands,
  type SignedFileDescription,
  type SignedFileKind,
  signedFileKindOf,
  type SignedFileReport,
  validateSignedFile,
} from './signed-file.ts'
export type { CertificateStanding, SignerRules } from './signer-certificate.ts'
export {
  encodeTimeStampRequest,
  parseTimeStampRequest,
  parseTimeStampResponse,
  parseTimeStampToken,
  type TimeStampImprint,
  type TimeStampInfo,
  type TimeStampRequest,
  type TimeStampResponse,
  type TimeStampToken,
} from './time-stamp.ts'
export {
  judgeTimeStamp,
  type TimeStampDemands,
  type TimeStampTrust,
  type ValidTimeStamp,
} from './time-stamp-judgement.ts'
export {
  acceptedUntil,
  generalPolicy,
  type KeyTerm,
  type ValidationPolicy,
} from './validation-policy.ts'
export {
  type CertificateDescription,
  describeValidation,
  type ValidationDemands,
  type ValidationDescription,
  type ValidationReport,
  type ValidSignature,
  validateSignature,
} from './validation.ts'
export type { CanonicalKind } from './xml/canonical-form.ts'
export { inspectXmlSignature, type XmlInspection } from './xml/inspection.ts'
export type { XmlCoverage, XmlFiles, XmlTarget } from './xml/reference.ts'
export {
  messageBytesMax,
  readXmlMessage,
  verifyNamed,
  verifyXmlMessage,
  type XmlNode,
} from './xml/message.ts'
export { xmlBytesMax } from './xml/structure.ts'
export type { XmlCovered } from './xml/xml-signer.ts'
export {
  type ValidXmlSignature,
  validateXml,
  type XmlDemands,
  type XmlLevel,
  type XmlReport,
  type XmlSignatureReport,
} from './xml/xml-validation.ts'
