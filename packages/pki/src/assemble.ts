/**
 * Door `./assemble`: makes CMS, CAdES, PAdES and XAdES signatures around signatures that a card or a key elsewhere makes. Makes no
 * signature itself and holds no key.
 */
export {
  type AsicFile,
  type AsicRequest,
  changeAsicFile,
  type PreparedAsic,
  prepareAsic,
} from './assemble/asic.ts'
export {
  addSignatureTimeStamp,
  type CadesContent,
  type CadesRequest,
  joinSigners,
  type PreparedCades,
  prepareCades,
} from './assemble/cades.ts'
export {
  type DocumentToSign,
  type PreparedDocument,
  prepareDocument,
  type SignatureFormat,
} from './assemble/document.ts'
export {
  type LastingEvidence,
  type LastingFormat,
  type PreparedStamp,
  prepareArchiveStamp,
  prepareFirstStamp,
  withEvidence,
} from './assemble/long-term.ts'
export {
  addCadesValidationData,
  type PreparedArchiveStamp,
  prepareArchiveTimeStamp,
  prepareCounterSignature,
} from './assemble/cades-archive.ts'
export {
  addPdfSignatureTimeStamp,
  type PadesRequest,
  pdfSignatureToBeStamped,
  type PreparedPades,
  preparePades,
} from './assemble/pades.ts'
export {
  addPdfValidationData,
  type PdfValidationData,
  type PreparedPdfTimeStamp,
  preparePdfTimeStamp,
} from './assemble/pades-archive.ts'
export { patched, type PdfPatch } from './assemble/pdf-update.ts'
export {
  addJadesTimeStamp,
  addJadesValidationData,
  type JadesContent,
  type JadesFile,
  type JadesRequest,
  type JadesValidationData,
  jadesToBeStamped,
  type PreparedJades,
  prepareJades,
} from './assemble/jades.ts'
export {
  type PreparedXades,
  prepareXades,
  type XadesContent,
  type XadesFile,
  type XadesRequest,
} from './assemble/xades.ts'
export {
  addXmlSignatureTimeStamp,
  addXmlValidationData,
  type PreparedXmlArchiveStamp,
  prepareXmlArchiveTimeStamp,
  type XmlValidationData,
  xmlSignatureToBeStamped,
} from './assemble/xades-unsigned.ts'
export { writeZip, type ZipFile } from './archive/zip-writer.ts'
export {
  messageElement,
  type MessageRequest,
  type PreparedMessage,
  prepareMessage,
} from './assemble/message.ts'
export { type PreparedCertificate, prepareSelfSigned } from './assemble/self-signed.ts'
