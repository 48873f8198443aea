/** The screen on which a person says where they want to be told that something came. */
import type { Ground, Visit } from '@sekisho/platform/room'
import { button, field, html, linkButton, type Markup } from '@sekisho/web'
import { z } from 'zod'
import {
  confirmContact,
  contactOf,
  type ContactWorld,
  forgetContact,
  offerContact,
} from './contact.ts'
import { words } from './word.ts'

/** Where it lies below `/me`. */
const contactHome = '/me/mail/notices'

const hide = true

/** Adds the routes. */
export function addContactScreen({ app, visitors }: Ground, given: ContactWorld): void {
  app.get(contactHome, { schema: { hide } }, (request, reply) =>
    visitors.show(request, reply, contactHome, async visit => {
      const body = await bodyOf(given, visit)
      return visitors.send(visit, body, { title: words[visit.lang].notices })
    }),
  )
  const offered = z.object({ address: z.string().max(320) })
  app.post(contactHome, { schema: { hide, body: offered } }, (request, reply) =>
    visitors.act(request, reply, contactHome, async ({ personId }) => {
      await offerContact(given, personId, request.body.address.trim())
      return reply.redirect(contactHome, 303)
    }),
  )
  const typed = z.object({ code: z.string().max(20) })
  app.post(`${contactHome}/code`, { schema: { hide, body: typed } }, (request, reply) =>
    visitors.act(request, reply, contactHome, async ({ personId }) => {
      await confirmContact(given, personId, request.body.code)
      return reply.redirect(contactHome, 303)
    }),
  )
  app.post(`${contactHome}/forget`, { schema: { hide } }, (request, reply) =>
    visitors.act(request, reply, contactHome, async ({ personId }) => {
      await forgetContact(given.store, personId)
      return reply.redirect(contactHome, 303)
    }),
  )
}

async function bodyOf(
  { world, store }: ContactWorld,
  { lang, personId }: Visit,
): Promise<readonly Markup[]> {
  const say = words[lang]
  const contact = await store.read(db => contactOf(db, world, personId))
  return [
    html`<p class="lead">${say.noticesLead}</p>`,
    contact === undefined
      ? html``
      : contact.isConfirmed
        ? html`<p>${say.confirmed(contact.address)}</p>`
        : html`<p>${say.waitsForCode(contact.address)}</p><form id="code" method="post" action="${contactHome}/code">${field(
            {
              name: 'code',
              label: say.code,
              hint: say.codeHint,
              required: true,
              maxlength: 6,
              inputmode: 'numeric',
              autocomplete: 'one-time-code',
            },
          )}${button(say.confirm)}</form>`,
    contact === undefined
      ? html`<form id="address" method="post" action="${contactHome}">${field({
          name: 'address',
          label: say.address,
          type: 'email',
          required: true,
          maxlength: 320,
          autocomplete: 'email',
        })}${button(say.sendCode)}</form>`
      : html`<form id="forget" method="post" action="${contactHome}/forget">${button(say.forget, 'second')}</form>`,
    html`<p>${linkButton('/me/mail', say.back, 'second')}</p>`,
  ]
}
