export { contactAtr, createVirtualCard, type VirtualCard } from './virtual/card.ts'
export {
  block,
  cardFileName,
  type CardState,
  type KeySlot,
  parseCardState,
  type Personalisation,
  personalise,
  renewKeys,
  resetPin,
} from './virtual/state.ts'
