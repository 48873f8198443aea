/** Words in both languages, Japanese first. */
export type Words = { readonly ja: string; readonly en: string }
