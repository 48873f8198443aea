/** The platform 署名等検証者: what an accredited operator runs. */
export {
  type AuthorityConnector,
  type AuthoritySettings,
  connectAuthority,
} from './evidence/connector.ts'
export {
  openSnapshotFiles,
  type RevocationFolder,
  type SnapshotPlace,
  writeSnapshotFiles,
} from './evidence/revocation-file.ts'
export type { UpstreamSettings } from './gateway/upstream.ts'
export { type Platform, type PlatformSettings, startPlatform } from './program.ts'
