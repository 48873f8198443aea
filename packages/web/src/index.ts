export {
  cardCeremonyAsset,
  cardCeremonyForm,
  cardCeremonyPath,
  type CeremonyReaders,
} from './card-ceremony.ts'
export { button, type Field, field, linkButton, notice, pairs, table } from './component.ts'
export { frameAssets, type Asset } from './asset.ts'
export { formSenderAsset } from './browser/form-sender.ts'
export { keyMakerAsset } from './browser/key-maker.ts'
export { liveAsset } from './browser/live.ts'
export { passkeyAsset } from './browser/passkey.ts'
export { page, type Page, refusalPage } from './frame.ts'
export { type Lang, langCookie, langOf, say, switchAddress, type Words } from './lang.ts'
export { html, type Markup, trusted } from './markup.ts'
export {
  verifierAsset,
  verifierBody,
  type VerifierConfig,
  verifierDocument,
  verifierStyles,
  verifierTitle,
} from './verifier.ts'
