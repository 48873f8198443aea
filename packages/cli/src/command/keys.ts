/** `sekisho keys`: succession of the keys of a running platform. */
import { Refusal } from '@sekisho/contract'
import type { Command } from 'commander'
import { callProgram } from './admin.ts'
import { defaultFolder } from './town.ts'

/** Adds the commands. */
export function addKeyCommands(program: Command): void {
  program
    .command('keys')
    .description('keys of the running platform (docs/keys.md)')
    .command('rotate')
    .description('make the next key for ID tokens; it is published first and signs later')
    .option(
      '--lead-hours <hours>',
      'for which it is published before it signs; 0 after a leak',
      '24',
    )
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { readonly leadHours: string; readonly data: string }) => {
      const leadSeconds = Math.round(Number(given.leadHours) * 3600)
      if (!Number.isSafeInteger(leadSeconds) || leadSeconds < 0)
        throw new Refusal('request-malformed', { fields: 'lead-hours' })
      const answer = await callProgram(given.data, 'platform', 'token-key-rotate', { leadSeconds })
      process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
    })
}
