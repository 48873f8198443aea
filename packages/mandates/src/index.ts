/** Mandates: attribute certification, who may do what for whom (C12). */
export { type MandateSettings, mandatesRoom } from './room.ts'
export { type ActsFor, type Authority, createAuthority, entrustedActs } from './acting.ts'
