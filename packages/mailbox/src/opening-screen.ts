/** The screen on which a person opens the box to companies that they never enrolled with, and closes it (D20). */
import { createHash } from 'node:crypto'
import { type MailKind, mailKind, mailKinds, Refusal } from '@sekisho/contract'
import type { Ground, Visit, World } from '@sekisho/platform/room'
import type { Store } from '@sekisho/runtime/store'
import { button, html, type Lang, linkButton, type Markup, notice } from '@sekisho/web'
import { z } from 'zod'
import { findBox, ownerKey } from './box.ts'
import { type ListedBox, listedBoxes } from './directory.ts'
import { closeBox, openBoxTo, openingOf } from './opening.ts'
import type { MailTables } from './post.ts'
import { words } from './word.ts'

const home = '/me/mail/open'
const hide = true
/** An answer of a reader with a signed file in it. */
const answerBytesMax = 256 * 1024

/** What was chosen, as forms and addresses carry it. */
type Choice = { readonly kinds: readonly MailKind[]; readonly senders: readonly ListedBox[] }

/** Adds the routes. */
export function addOpeningScreen(
  { app, visitors }: Ground,
  { world, store }: { readonly world: World; readonly store: Store<MailTables> },
): void {
  const show = async (visit: Visit) => {
    const body = await bodyOf(world, store, visit)
    return visitors.send(visit, body, { title: words[visit.lang].opening })
  }
  app.get(home, { schema: { hide } }, (request, reply) => visitors.show(request, reply, home, show))
  const several = z.union([z.string().max(80), z.array(z.string().max(80)).max(200)]).optional()
  const form = z.object({ kind: several, sender: several })
  app.post(home, { schema: { hide, body: form } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      const { kind, sender } = request.body
      const choice = await choiceOf(store, [kind ?? []].flat(), [sender ?? []].flat())
      const { lang } = visit
      const say = words[lang]
      const document = new TextEncoder().encode(consentText(choice, lang))
      const query = new URLSearchParams({
        kinds: choice.kinds.join('.'),
        senders: choice.senders.map(one => ownerKey(one.owner)).join('.'),
      })
      return visitors.askToSign(visit, {
        title: say.opening,
        mediaType: 'text/plain',
        format: 'cades',
        document,
        key: `mailbox-open-${createHash('sha256').update(document).digest('hex')}-${world.random.token(64)}`,
        action: `${home}/signed?${query.toString()}`,
        lead: say.openSignLead,
        back: home,
      })
    }),
  )
  const answer = z.object({ answer: z.string() })
  const asked = z.object({ kinds: z.string().max(200), senders: z.string().max(20_000) })
  app.post(
    `${home}/signed`,
    { bodyLimit: answerBytesMax, schema: { hide, body: answer, querystring: asked } },
    (request, reply) =>
      visitors.act(request, reply, home, async visit => {
        const { kinds, senders } = request.query
        const choice = await choiceOf(store, split(kinds), split(senders))
        await visitors.signed(visit, request.body.answer, async (tx, signed) => {
          // What was signed must be this choice.
          if (!hashesOf(choice).includes(signed.documentSha256))
            throw new Refusal('challenge-unknown')
          const boxes: string[] = []
          // Tables of the mailbox lie beside those of the platform.
          const mine = tx as unknown as Parameters<typeof openBoxTo>[0]
          for (const { owner } of choice.senders) {
            const box = await findBox(mine, owner)
            if (box !== undefined) boxes.push(box.id)
          }
          const from = choice.senders.length === 0 ? undefined : boxes
          await openBoxTo(mine, world, signed, { kinds: choice.kinds, senders: from })
        })
        return reply.redirect(`${home}?told=opened`, 303)
      }),
  )
  app.post(`${home}/close`, { schema: { hide } }, (request, reply) =>
    visitors.act(request, reply, home, async visit => {
      await store.transaction(tx => closeBox(tx, world, visit.personId))
      return reply.redirect(`${home}?told=closed`, 303)
    }),
  )
}

async function bodyOf(
  world: World,
  store: Store<MailTables>,
  { lang, personId, request }: Visit,
): Promise<readonly Markup[]> {
  const say = words[lang]
  const { opening, listed } = await store.read(async db => ({
    opening: await openingOf(db, personId),
    listed: await sendersOf(db),
  }))
  return [
    html`<p class="lead">${say.openingLead}</p>`,
    request.url.includes('told=opened')
      ? notice('success', say.openDone)
      : request.url.includes('told=closed')
        ? notice('success', say.closeDone)
        : html``,
    opening === undefined
      ? html`<p>${say.openNone}</p>`
      : html`<p>${say.openNow}</p><ul>${opening.kinds.map(
          kind => html`<li>${say.kinds[kind]}</li>`,
        )}</ul><form id="close" method="post" action="${home}/close">${button(say.close, 'second')}</form>`,
    html`<form id="open" method="post" action="${home}"><fieldset><legend>${say.openKinds}</legend>${mailKinds.map(
      kind =>
        html`<div class="choice"><label><input type="checkbox" name="kind" value="${kind}"${
          opening?.kinds.includes(kind) === true ? html` checked` : null
        }>${say.kinds[kind]}</label></div>`,
    )}</fieldset>${
      listed.length === 0
        ? null
        : html`<fieldset><legend>${say.openSenders}</legend><p class="hint">${say.openSendersHint}</p>${listed.map(
            one =>
              html`<div class="choice"><label><input type="checkbox" name="sender" value="${ownerKey(one.owner)}">${one.name}</label></div>`,
          )}</fieldset>`
    }${button(say.openSign)}</form>`,
    html`<p>${linkButton('/me/mail', say.back, 'second')}</p>`,
  ]
}

/** What is signed: both sides read it the same, today and later. */
function consentText({ kinds, senders }: Choice, lang: Lang): string {
  const say = words[lang]
  const from =
    senders.length === 0 ? '' : `${say.openSenders}: ${senders.map(one => one.name).join('、')}\n`
  return `${say.opening}\n\n${say.openingLead}\n\n${say.openKinds}: ${kinds.map(kind => say.kinds[kind]).join('、')}\n${from}`
}

function hashesOf(choice: Choice): readonly string[] {
  return (['ja', 'en'] as const).map(lang =>
    createHash('sha256').update(consentText(choice, lang)).digest('hex'),
  )
}

/** Refusal `request-malformed` for no kind, and for a sender that is not on the list. */
async function choiceOf(
  store: Store<MailTables>,
  kinds: readonly string[],
  senders: readonly string[],
): Promise<Choice> {
  const listed = await store.read(sendersOf)
  const chosen = mailKinds.filter(kind => kinds.includes(kind))
  if (chosen.length === 0 || kinds.some(kind => !mailKind.safeParse(kind).success))
    throw new Refusal('request-malformed', { fields: 'kind' })
  const named = listed.filter(one => senders.includes(ownerKey(one.owner)))
  if (named.length !== senders.length) throw new Refusal('request-malformed', { fields: 'sender' })
  return { kinds: chosen, senders: named }
}

function sendersOf(db: Parameters<typeof listedBoxes>[0]): Promise<readonly ListedBox[]> {
  return listedBoxes(db, ['organisation', 'municipality', 'provider'])
}

function split(text: string): readonly string[] {
  return text === '' ? [] : text.split('.')
}
