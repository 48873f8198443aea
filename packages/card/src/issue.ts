/**
 * Door `./issue`: makes what a card holds besides certificates: CV certificates and the signed files of its applications. For the
 * authority, for organisations that certify their terminals, and for tests.
 */
export {
  type CvSigner,
  cvKeyObjects,
  issueCvCertificate,
  issueOrganisationCertificate,
  issueTerminalCertificate,
  type RecordSigner,
} from './issue/cv.ts'
export { composeFaceApplication, type FaceContent } from './issue/face.ts'
export { composeResidentApplication } from './issue/resident.ts'
export { composeTextApplication, type TextContent } from './issue/text.ts'
