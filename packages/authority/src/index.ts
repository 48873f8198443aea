/** The stand-in for J-LIS and the municipalities. */
export type { Verifier } from './answers/verifier.ts'
export { type Authority, type AuthoritySettings, startAuthority, townAnchors } from './program.ts'
export { type ResidentAttributes, residentAttributes } from './registry/resident.ts'
export { type ResidentEvent, residentEvent } from './window/event.ts'
export type { Persona, PersonaStep } from './window/persona.ts'
export { type AuthorityRules, presentRules } from './world.ts'
