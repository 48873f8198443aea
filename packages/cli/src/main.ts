/** The `sekisho` command. */
import { tell } from './command/outcome.ts'
import { createOfflineCommandLine, offlineCommands } from './command/offline.ts'

// Whoever reads our output may have read enough (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

try {
  const program = offlineCommands.has(process.argv[2] ?? '')
    ? createOfflineCommandLine()
    : (await import('./command/sekisho.ts')).createCommandLine()
  await program.parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}
