/** The stand-in for J-LIS and the municipalities. */
export type { Verifier } from './answers/verifier.ts'
export {
  type Authority,
  type AuthoritySettings,
  startAuthority,
  townAnchors,
  townTimeStampAnchors,
} from './program.ts'
export type { ForeignStay } from './registry/foreign-stay.ts'
export type { ResidentAttributes } from './registry/resident.ts'
export type { ResidentEvent } from './window/event.ts'
export type { Persona, PersonaStep } from './window/persona.ts'
export type { AuthorityRules } from './world.ts'
export { townGovernmentAnchor } from './corporation/program.ts'
export { otherCaIds, policyOf } from './other-ca/kind.ts'
export { townCardAnchors } from './town-keys.ts'
