import type { Command } from 'commander'
export function addOperatorCommands(_program: Command): void {}
