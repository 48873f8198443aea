import { Command } from 'commander'

/** The command line with no command yet. It throws where commander would end the process, and so do commands added to it. */
export function emptyCommandLine(): Command {
  return new Command('sekisho')
    .exitOverride()
    .description(
      'Open common authentication platform for JPKI, with a practice town / 公的個人認証の共通認証基盤',
    )
    .version('0.1.0')
}
