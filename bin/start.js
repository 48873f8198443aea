// `npm start`: a running town.
import { join } from 'node:path'
import { become, ensureInstalled, root } from './pinned.js'

ensureInstalled()
await become([join(root, 'packages', 'cli', 'src', 'main.ts'), 'town', ...process.argv.slice(2)])
