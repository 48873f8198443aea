/** The platform 署名等検証者: what an accredited operator runs. */
export type { AuthoritySettings } from './evidence/connector.ts'
export { type Platform, type PlatformSettings, startPlatform } from './program.ts'
