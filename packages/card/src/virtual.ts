export { contactAtr, createVirtualCard, type VirtualCard } from './virtual/card.ts'
export {
  block,
  cardFileName,
  type CardState,
  chipKeyOf,
  type KeySlot,
  type MoreApplications,
  moreOf,
  parseCardState,
  type Personalisation,
  personalise,
  renewKeys,
  resetPin,
  secretIn,
} from './virtual/state.ts'
