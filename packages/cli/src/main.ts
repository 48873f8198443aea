/** The `sekisho` command. */
import { tell } from './command/outcome.ts'
import { createCommandLine } from './command/sekisho.ts'

// Whoever reads our output may have read enough (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

try {
  await createCommandLine().parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}
