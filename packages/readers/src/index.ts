export { type CardFolder, type HeldCard, openCardFolder } from './cards.ts'
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
export { type Plug, plugCard } from './plug.ts'
export { openAllowedOrigins } from './agent/origins.ts'
export { type CardSource, openPcsc, type PcscCards } from './agent/pcsc.ts'
export type { AgentPerson, AllowedOrigins } from './agent/person.ts'
export { type Agent, agentPort, type AgentSettings, startAgent } from './agent/server.ts'
export { type ShowPdf, type TerminalInput, terminalPerson } from './agent/terminal.ts'
