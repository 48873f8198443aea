/** A provider's own customer numbers, and terminals that several people share. */
import {
  type CustomerLink,
  customerLink,
  customerLinkList,
  type CustomerLinkRequest,
  type Terminal,
  terminal,
  type TerminalRequest,
} from '@sekisho/contract'
import type { Link } from './link.ts'

/** What there is to do with customer numbers and terminals (scope `link`). */
export type Customers = {
  /**
   * Links your customer number to somebody who was just identified. `linked` at once when the account was proven and name, birth date and
   * all else that you name agree; else `waiting` for your clerk, with what was found.
   *
   * ```js
   * const { state, why } = await sekisho.linkCustomer({ subject, customerNumber, record: { name, birthdate }, accountProof: 'password' })
   * ```
   */
  linkCustomer(request: CustomerLinkRequest): Promise<CustomerLink>
  /**
   * Links in a state, `waiting` unless told otherwise: your clerk's queue.
   *
   * ```js
   * const { links } = await sekisho.listCustomerLinks()
   * ```
   */
  listCustomerLinks(
    state?: CustomerLink['state'],
    after?: string,
  ): Promise<{ readonly links: readonly CustomerLink[]; readonly isComplete: boolean }>
  /**
   * What your clerk decided. `customer-number-taken` when number or person is linked otherwise.
   *
   * ```js
   * await sekisho.decideCustomerLink(id, 'link', 'clerk-7')
   * ```
   */
  decideCustomerLink(id: string, decision: 'link' | 'refuse', clerk: string): Promise<CustomerLink>
  /**
   * Ends a link.
   *
   * ```js
   * await sekisho.unlinkCustomer(id)
   * ```
   */
  unlinkCustomer(id: string): Promise<CustomerLink>
  /**
   * Links somebody who has shown the card within ten minutes to a television, household or device.
   *
   * ```js
   * const { id, people } = await sekisho.linkTerminal({ kind: 'tv', number: tvCommonId, subject })
   * ```
   */
  linkTerminal(request: TerminalRequest): Promise<Terminal>
  /**
   * Who is linked to a terminal, and who is looking.
   *
   * ```js
   * const { people, viewer } = await sekisho.readTerminal(id)
   * ```
   */
  readTerminal(id: string): Promise<Terminal>
  /**
   * Somebody linked to the terminal who has shown the card within ten minutes is looking now.
   *
   * ```js
   * const { viewer } = await sekisho.chooseViewer(id, subject)
   * ```
   */
  chooseViewer(id: string, subject: string): Promise<Terminal>
  /**
   * Ends the link of somebody to a terminal.
   *
   * ```js
   * await sekisho.unlinkTerminal(id, subject)
   * ```
   */
  unlinkTerminal(id: string, subject: string): Promise<Terminal>
}

/** The calls. */
export function customersOf(link: Link): Customers {
  const at = (...parts: readonly string[]): string =>
    `/v1/${parts.map(part => encodeURIComponent(part)).join('/')}`
  const call = (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<unknown> =>
    link.call(method, path, 'link', {
      // Each of them says how it shall be, so that saying it twice changes nothing; a second end of a link is told as such.
      isSafe: method !== 'DELETE',
      ...(body === undefined ? {} : { body }),
    })
  return {
    linkCustomer: async request =>
      customerLink.parse(await call('POST', at('customer-links'), request)),
    listCustomerLinks: async (state = 'waiting', after = '') => {
      const query = new URLSearchParams({ state, after }).toString()
      return customerLinkList.parse(await call('GET', `${at('customer-links')}?${query}`))
    },
    decideCustomerLink: async (id, decision, clerk) =>
      customerLink.parse(
        await link.call('POST', at('customer-links', id, 'decision'), 'link', {
          body: { decision, clerk },
          isSafe: false,
        }),
      ),
    unlinkCustomer: async id => customerLink.parse(await call('DELETE', at('customer-links', id))),
    linkTerminal: async request => terminal.parse(await call('POST', at('terminals'), request)),
    readTerminal: async id => terminal.parse(await call('GET', at('terminals', id))),
    chooseViewer: async (id, subject) =>
      terminal.parse(await call('POST', at('terminals', id, 'viewer'), { subject })),
    unlinkTerminal: async (id, subject) =>
      terminal.parse(await call('DELETE', at('terminals', id, 'people', subject))),
  }
}
