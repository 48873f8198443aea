import { html, type Markup } from './markup.ts'

/** A box that tells how something went. `error` is announced at once, the others politely. */
export function notice(
  kind: 'info' | 'success' | 'warning' | 'error',
  title: string,
  body?: Markup | string,
): Markup {
  return html`<div class="notice ${kind}" role="${kind === 'error' ? 'alert' : 'status'}"><p class="notice-title">${title}</p>${
    body === undefined ? null : html`<div>${body}</div>`
  }</div>`
}

/** Terms and their values. */
export function pairs(rows: readonly (readonly [term: string, value: Markup | string])[]): Markup {
  return html`<dl class="pairs">${rows.map(
    ([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`,
  )}</dl>`
}

/** What a labelled input needs. `attributes` are written as given: names of our own, values escaped. */
export type Field = {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly error?: string
  readonly type?: 'text' | 'password' | 'number' | 'tel' | 'email' | 'date'
  readonly value?: string
  readonly required?: boolean
  readonly readonly?: boolean
  readonly autocomplete?: string
  readonly inputmode?: 'numeric' | 'text'
  readonly maxlength?: number
}

/** An input with its label, hint and error tied to it. */
export function field(given: Field): Markup {
  const described = [
    given.hint === undefined ? [] : [`${given.name}-hint`],
    given.error === undefined ? [] : [`${given.name}-error`],
  ].flat()
  return html`<div class="field">
<label for="${given.name}">${given.label}</label>
${given.hint === undefined ? null : html`<p class="hint" id="${given.name}-hint">${given.hint}</p>`}
${given.error === undefined ? null : html`<p class="field-error" id="${given.name}-error">${given.error}</p>`}
<input id="${given.name}" name="${given.name}" type="${given.type ?? 'text'}" value="${given.value ?? ''}"${
    given.required ? html` required` : null
  }${given.readonly ? html` readonly` : null}${
    given.autocomplete === undefined ? null : html` autocomplete="${given.autocomplete}"`
  }${given.inputmode === undefined ? null : html` inputmode="${given.inputmode}"`}${
    given.maxlength === undefined ? null : html` maxlength="${given.maxlength}"`
  }${described.length === 0 ? null : html` aria-describedby="${described.join(' ')}"`}${
    given.error === undefined ? null : html` aria-invalid="true"`
  }>
</div>`
}

/** A submit button; `kind` is its weight on the page. */
export function button(label: string, kind: 'first' | 'second' = 'first'): Markup {
  return html`<button type="submit" class="button ${kind}">${label}</button>`
}

/** A link that looks like a button. */
export function linkButton(
  href: string,
  label: string,
  kind: 'first' | 'second' = 'first',
): Markup {
  return html`<a class="button ${kind}" href="${href}">${label}</a>`
}

/**
 * A table with a caption and column heads; it scrolls sideways by itself on a narrow screen and by keyboard. Under a heading that
 * says the same, the caption is `unseen`: only read aloud.
 */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (Markup | string)[])[],
  given: { readonly caption?: 'unseen' } = {},
): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${
    given.caption === 'unseen' ? html`<span class="aside">${caption}</span>` : caption
  }</caption><thead><tr>${heads.map(
    head => html`<th scope="col">${head}</th>`,
  )}</tr></thead><tbody>${rows.map(
    row => html`<tr>${row.map(cell => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`
}
