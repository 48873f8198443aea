/** CPU time of processes, as the kernel counts it (Linux: `/proc`), for benches whose parties are processes of their own. */
import { readdirSync, readFileSync } from 'node:fs'

/** CPU seconds, user and system, of all threads of a process. 0 once it is gone. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid)
  return (Number(fields?.[at.user] ?? 0) + Number(fields?.[at.system] ?? 0)) / ticksASecond
}

/** The same of a process, its children, and those of its children that have ended. */
export function cpuSecondsOfFamily(pid: number): number {
  const ended =
    Number(statOf(pid)?.[at.endedUser] ?? 0) + Number(statOf(pid)?.[at.endedSystem] ?? 0)
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && statOf(Number(name))?.[at.parent] === String(pid))
    .reduce((sum, name) => sum + cpuSeconds(Number(name)), cpuSeconds(pid) + ended / ticksASecond)
}

/** The process that started this one; undefined once it is gone. */
export function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[at.parent]
  return parent === undefined ? undefined : Number(parent)
}

/** Fields of proc_pid_stat(5) from the third on: before it stands the program's name, which may contain anything. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

const at = { parent: 1, user: 11, system: 12, endedUser: 13, endedSystem: 14 } as const

/** `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const ticksASecond = 100
