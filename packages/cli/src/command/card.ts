import type { Command } from 'commander'
export function addCardCommands(_program: Command): void {}
