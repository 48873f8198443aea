/** The window's page for who arrives from abroad, or is registered while living there (A1, A9). */
import { Refusal } from '@sekisho/contract'
import { municipalities } from '@sekisho/contract/japan'
import { type App, contentSecurityPolicy } from '@sekisho/runtime/http'
import { button, field, html, type Lang, langOf, page } from '@sekisho/web'
import { z } from 'zod'
import type { World } from '../world.ts'
import { registerArrival } from './entry.ts'
import { arrival } from './event.ts'
import { dateOf, select } from './form.ts'
import { windowName, windowWords } from './word.ts'

/** Adds the page and what it sends. Refusals `origin-foreign`, `request-malformed`. */
export function addRegisterRoutes(
  app: App,
  given: { readonly world: World; readonly publicOrigin: string },
): void {
  app.get('/register', async (request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', contentSecurityPolicy())
      .send(registerPage(langOf({ url: request.url, cookie: request.headers.cookie }))),
  )
  const body = z.record(z.string(), z.string().max(300))
  app.post('/register', { schema: { body } }, async (request, reply) => {
    const { origin } = request.headers
    if (origin !== undefined && origin !== given.publicOrigin) throw new Refusal('origin-foreign')
    const parsed = arrival.safeParse(arrivalOf(request.body))
    if (!parsed.success)
      throw new Refusal('request-malformed', {
        fields: parsed.error.issues[0]?.path.join('.') ?? '',
      })
    const id = await registerArrival(given.world, parsed.data)
    return reply.redirect(`/residents/${id}?done=registered`, 303)
  })
}

function registerPage(lang: Lang): string {
  const say = windowWords[lang]
  return page({
    title: say.register,
    lang,
    service: { name: windowName[lang], home: '/' },
    path: '/register',
    nav: [{ href: '/', label: say.find }],
    body: [
      html`<p class="lead">${say.registerLead}</p>`,
      html`<form method="post" action="/register">
${field({ name: 'name', label: say.name, hint: say.newNameHint, required: true, maxlength: 100, autocomplete: 'off' })}
${field({ name: 'reading', label: say.reading, maxlength: 100, autocomplete: 'off' })}
${field({ name: 'birthDate', label: say.born, type: 'date', required: true })}
${select('gender', 'gender', say.gender, Object.entries(say.genders), 'female')}
${select(
  'municipality',
  'municipality',
  say.municipality,
  municipalities.map(one => [one.code, `${one.prefecture}${one.name}`] as const),
  '13101',
)}
${field({ name: 'address', label: say.address, required: true, maxlength: 200, autocomplete: 'off' })}
<p><label for="isAbroad"><input type="checkbox" id="isAbroad" name="isAbroad">${say.isAbroad}</label></p>
<fieldset><legend>${say.ofForeign}</legend>
${field({ name: 'nationality', label: say.nationality, hint: say.nationalityHint, maxlength: 3, autocomplete: 'off' })}
${select('category', 'category', say.category, Object.entries(say.categories), 'mid-to-long-term')}
${field({ name: 'until', label: say.endOfStay, type: 'date' })}
${field({ name: 'alias', label: say.alias, maxlength: 40, autocomplete: 'off' })}
</fieldset>
${button(say.accept)}</form>`,
    ],
  })
}

/** The message that a sent form means: without a nationality nobody is foreign, and empty fields are left out. */
function arrivalOf(form: Readonly<Record<string, string>>): unknown {
  const told = (name: string): string | undefined => (form[name] === '' ? undefined : form[name])
  const { name, gender, municipality, address } = form
  const until = told('until')
  return {
    name,
    reading: told('reading'),
    birthDate: dateOf(form['birthDate'] ?? ''),
    gender,
    municipality,
    address,
    isAbroad: form['isAbroad'] === 'on',
    stay:
      told('nationality') === undefined
        ? undefined
        : {
            nationality: form['nationality'],
            category: form['category'],
            until: until === undefined ? null : dateOf(until),
            alias: told('alias') ?? null,
          },
  }
}
