import { readJsonFile, writeJsonFile } from '@sekisho/runtime/files'
import { z } from 'zod'
import { isSecureOrigin } from '../origin.ts'
import type { AllowedOrigins } from './person.ts'

/** Origins kept in a file, `{ "origins": ["https://…"] }`; a person may edit it to take an origin off the list. */
export function openAllowedOrigins(path: string): AllowedOrigins {
  const read = async (): Promise<readonly string[]> =>
    (await readJsonFile(path, value => originsFile.parse(value)))?.origins ?? []
  return {
    async isAllowed(origin) {
      return (await read()).includes(origin)
    },
    async allow(origin) {
      const origins = new Set([...(await read()), origin])
      await writeJsonFile(path, { origins: [...origins].toSorted() })
    },
  }
}

const originsFile = z.strictObject({
  origins: z.array(z.string().refine(isSecureOrigin)).max(1000),
})
