/**
 * The register of companies 商業登記, as anybody may read it: does a corporation exist, and who represented it when. What it last said is kept; a
 * question about authority asks it anew, because an old answer could hide that somebody has left.
 */
import { Refusal } from '@sekisho/contract'
import { corporationRegister } from '@sekisho/contract/authority'
import type { Instant } from '@sekisho/runtime/clock'
import { type Fetch, NetworkFault } from '@sekisho/runtime/net'
import type { z } from 'zod'

/** What the register says of a corporation. */
export type RegisteredCorporation = z.output<typeof corporationRegister>

/** The register. */
export type CompanyRegister = {
  /** Undefined: there is no such corporation. Refusal `register-unreachable` where it cannot be asked. */
  read(number: string): Promise<RegisteredCorporation | undefined>
}

/** Connects to a register that answers `GET {url}/{number}/register`. */
export function connectRegister(url: string, fetch: Fetch): CompanyRegister {
  return {
    read: async number => {
      try {
        const response = await fetch(`${url}/${number}/register`)
        if (response.status === 404) return undefined
        if (response.status !== 200) throw new Refusal('register-unreachable')
        const parsed = corporationRegister.safeParse(JSON.parse(await response.text()))
        if (parsed.success && parsed.data.number === number) return parsed.data
        throw new Refusal('register-unreachable')
      } catch (error) {
        const isExpected =
          error instanceof NetworkFault ||
          error instanceof SyntaxError ||
          error instanceof TypeError
        throw isExpected ? new Refusal('register-unreachable') : error
      }
    },
  }
}

/** Whether the corporation existed at a time. */
export function existedAt(corporation: RegisteredCorporation, at: Instant): boolean {
  const { registeredAt, closed } = corporation
  return Date.parse(registeredAt) <= at && (closed === null || at < Date.parse(closed.at))
}

/** Whether somebody of this name and title represented it at a time. */
export function inOffice(
  corporation: RegisteredCorporation,
  who: { readonly name: string; readonly title: string },
  at: Instant,
): boolean {
  return corporation.representatives.some(
    each =>
      each.name === who.name &&
      each.title === who.title &&
      Date.parse(each.since) <= at &&
      (each.until === null || at < Date.parse(each.until)),
  )
}
