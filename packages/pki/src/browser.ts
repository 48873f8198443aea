/**
 * Door `./browser`: what a page needs to judge signed files where no Node is. A packer puts `browser/crypto.ts` in the place of
 * `crypto.ts`; everything else is the same code.
 */
export { settle } from './browser/crypto.ts'
export { parseCertificate } from './certificate.ts'
export { KeyCache } from './key-cache.ts'
export { jpkiReal, jpkiTown } from './profile.ts'
export { describeSignedFile, signedFileKindOf, validateSignedFile } from './signed-file.ts'
export { generalPolicy } from './validation-policy.ts'
