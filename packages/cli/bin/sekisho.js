#!/usr/bin/env node
// The `sekisho` command: re-executes itself on the pinned Node.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { become } from '../../../bin/pinned.js'

const here = dirname(fileURLToPath(import.meta.url))
await become([join(here, '..', 'src', 'main.ts'), ...process.argv.slice(2)])
