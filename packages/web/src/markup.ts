import { html as honoHtml, raw as honoRaw } from 'hono/html'

/** Markup that is already escaped. */
export type Markup = ReturnType<typeof honoRaw>

/**
 * An escaping tagged template: every value is escaped unless it is {@link Markup}; arrays are joined; `null`,
 * `undefined` and `false` vanish. Values are never promises, so the result is always at hand.
 */
export const html = honoHtml as (strings: TemplateStringsArray, ...values: unknown[]) => Markup

/** Declares a text to be markup already. Only for constants of our own. */
export const trusted = honoRaw as (constant: string) => Markup
