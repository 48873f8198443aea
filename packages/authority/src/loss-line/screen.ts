/**
 * The screen of who answers the phone of the loss line, day and night (A8): take down what the caller says, have it compared, stop the
 * certificates at once. It shows nothing of the register.
 */
import { Refusal } from '@sekisho/contract'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { contentSecurityPolicy } from '@sekisho/runtime/http'
import { button, field, html, type Lang, langOf, notice, page, pairs } from '@sekisho/web'
import { z } from 'zod'
import type { World } from '../world.ts'
import { performEvent } from '../window/event.ts'
import { identifyCaller } from './caller.ts'

const name = { ja: 'カード紛失の受付', en: 'Loss line' } as const

const says = z.object({
  name: z.string().min(1).max(100),
  birthDate: z.string().regex(/^\d{8}$/),
  address: z.string().min(1).max(200),
})

/** Adds the routes. */
export function addLossLineRoutes(
  app: App,
  given: { readonly world: World; readonly publicOrigin: string },
): void {
  const querystring = z.object({
    done: z.string().max(40).optional(),
    lang: z.string().max(5).optional(),
  })
  app.get('/loss-line', { schema: { querystring, hide: true } }, async (request, reply) =>
    send(reply, screen(given.world, langFor(request), request.query.done)),
  )
  app.post('/loss-line', { schema: { body: says, hide: true } }, async (request, reply) => {
    const { origin } = request.headers
    if (origin !== undefined && origin !== given.publicOrigin) throw new Refusal('origin-foreign')
    const { residentId } = await identifyCaller(given.world, request.body)
    await performEvent(given.world, residentId, { what: 'lost' })
    return reply.redirect('/loss-line?done=stopped', 303)
  })
}

function screen(world: World, lang: Lang, done: string | undefined): string {
  const say = words[lang]
  const minutes = Math.ceil(world.rules.ocsp.lifetimeMs / 60_000)
  const hours = Math.ceil(world.rules.publication.everyMs / 3_600_000)
  return page({
    title: name[lang],
    lang,
    service: { name: name[lang], home: '/loss-line' },
    path: '/loss-line',
    body: [
      done === 'stopped'
        ? notice('success', say.stopped, html`<p>${say.tell}</p>`)
        : html`<p class="lead">${say.lead}</p>`,
      html`<form method="post" action="/loss-line">
${field({ name: 'name', label: say.name, hint: say.nameHint, required: true, autocomplete: 'off' })}
${field({ name: 'birthDate', label: say.birthDate, hint: say.birthDateHint, required: true, inputmode: 'numeric', maxlength: 8, autocomplete: 'off' })}
${field({ name: 'address', label: say.address, hint: say.addressHint, required: true, autocomplete: 'off' })}
${button(say.stop)}
</form>`,
      html`<h2>${say.rules}</h2>`,
      pairs([
        [say.when, say.whenText(minutes, world.rules.publication.onDemand ? 0 : hours)],
        [say.found, world.rules.holds.areLiftable ? say.foundLiftable : say.foundFinal],
        [say.not, say.notText],
      ]),
    ],
  })
}

const words = {
  ja: {
    lead: '電話の相手が言うとおりに入力してください。すべてが一人の人に合うときだけ、その人の電子証明書を直ちに一時停止します。',
    name: '氏名',
    nameHint: '漢字で。空白はなくても構いません。',
    birthDate: '生年月日',
    birthDateHint: '西暦8桁。例: 19850401',
    address: '住所',
    addressHint: 'カードのとおり。番地は数字とハイフンでも構いません。',
    stop: '照合して一時停止する',
    stopped: '電子証明書を一時停止しました。',
    tell: '相手に次のとおり伝えてください。カードが見つかったら市区町村の窓口へ、見つからないときは警察への届出の後、窓口で再交付を申し込んでください。',
    rules: '相手への説明',
    when: '効力',
    whenText: (minutes: number, hours: number) =>
      hours === 0
        ? `直ちに。サービスには遅くとも${minutes}分後に伝わります。`
        : `直ちに。サービスには遅くとも${minutes}分後(失効リストを使うサービスには${hours}時間後)に伝わります。`,
    found: '見つかったとき',
    foundLiftable: '窓口で本人確認をして、一時停止を解除できます。',
    foundFinal: '解除はできません。窓口で新しい電子証明書を発行します。',
    not: 'しないこと',
    notText: '合わない項目を相手に教えないでください。暗証番号を尋ねないでください。',
  },
  en: {
    lead: 'Type what the caller says. Only when all of it fits one person are that person’s certificates put on hold, at once.',
    name: 'Name',
    nameHint: 'In kanji; spaces may be left out.',
    birthDate: 'Date of birth',
    birthDateHint: 'Eight digits, such as 19850401',
    address: 'Address',
    addressHint: 'As on the card; block numbers may be digits and hyphens.',
    stop: 'Compare and put on hold',
    stopped: 'The certificates are on hold.',
    tell: 'Tell the caller: if the card is found, go to the municipal window; if not, report it to the police and apply for a new one at the window.',
    rules: 'What to tell the caller',
    when: 'Effect',
    whenText: (minutes: number, hours: number) =>
      hours === 0
        ? `At once. Services know within ${minutes} minutes.`
        : `At once. Services know within ${minutes} minutes, those that use lists within ${hours} hours.`,
    found: 'When found',
    foundLiftable: 'The hold is lifted at the window after identification.',
    foundFinal: 'It cannot be lifted: new certificates are issued at the window.',
    not: 'Never',
    notText: 'Do not tell the caller what does not fit. Do not ask for a PIN.',
  },
} as const

function langFor(request: Request): Lang {
  return langOf({ url: request.url, cookie: request.headers.cookie })
}

function send(reply: Reply, text: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', contentSecurityPolicy())
    .send(text)
}
