/** The procedures that there are. A version that ever ran stays: running cases need it. */
import { Refusal } from '@sekisho/contract'
import type { Definition } from './definition.ts'
import { bereavement } from './definitions/bereavement.ts'
import { certificateRequest } from './definitions/certificate.ts'
import { moving } from './definitions/moving.ts'
import { nursery } from './definitions/nursery.ts'

/** Definitions by id and version. */
export type Registry = {
  /** The newest version of each. */
  readonly newest: readonly Definition[]
  /** Refusal `procedure-unknown`. */
  find(id: string, version?: number): Definition
}

/** What Sekisho brings. */
export const ownDefinitions: readonly Definition[] = [
  moving,
  nursery,
  bereavement,
  certificateRequest,
]

/** A registry of definitions; of several versions of one id the greatest is the newest. */
export function createRegistry(definitions: readonly Definition[]): Registry {
  const newest = new Map<string, Definition>()
  for (const each of definitions)
    if (each.version > (newest.get(each.id)?.version ?? 0)) newest.set(each.id, each)
  return {
    newest: [...newest.values()],
    find: (id, version) => {
      const found =
        version === undefined
          ? newest.get(id)
          : definitions.find(each => each.id === id && each.version === version)
      if (found === undefined) throw new Refusal('procedure-unknown')
      return found
    },
  }
}
