/** Commands to a running program, by the socket in its data folder. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { hasCode } from '@sekisho/runtime/files'
import { callAdmin } from '@sekisho/runtime/http'
import { defaultPortBase, layoutOf, type ProgramName } from '../town/layout.ts'

/**
 * Gives a command to a program of the town in this folder, or to a platform that has the folder to itself. The program's own
 * refusals come back; `program-absent` when nobody listens.
 */
export async function callProgram(
  data: string,
  program: ProgramName,
  command: string,
  body?: unknown,
): Promise<unknown> {
  const folder = resolve(data)
  const places = [layoutOf(folder, defaultPortBase).adminPath(program), join(folder, 'admin.sock')]
  const place = places.find(path => existsSync(path))
  if (place === undefined) throw new Refusal('program-absent', { program })
  try {
    return await callAdmin(place, command, body)
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ECONNREFUSED'))
      throw new Refusal('program-absent', { program })
    throw error
  }
}
