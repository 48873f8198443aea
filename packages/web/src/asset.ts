import { stylePath } from './frame.ts'
import { styles } from './style.ts'

/** A static file that a program serves at its own origin. */
export type Asset = { readonly path: string; readonly contentType: string; readonly body: string }

/** What every page of the frames links to. Programs serve these at the paths given. */
export const frameAssets: readonly Asset[] = [
  { path: stylePath, contentType: 'text/css; charset=utf-8', body: styles },
]
