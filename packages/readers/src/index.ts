export { cardFile, type CardFolder, type HeldCard, openCardFolder } from './cards.ts'
export { refusalOfReason } from './card-refusal.ts'
export { WalkFault, type WalkFaultCode } from './headless/browser.ts'
export {
  type Arrival,
  type CeremonyPurpose,
  createHeadlessReader,
  type HeadlessReader,
  type HeadlessSettings,
  type MetCeremony,
} from './headless/reader.ts'
export type { CardLabel } from './wallet/page.ts'
export { startWallet, type Wallet, type WalletSettings } from './wallet/server.ts'
export { type Plug, plugCard, vpcdPort } from './plug.ts'
