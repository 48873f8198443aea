/** The window's name on its screens. */
export const windowName = { ja: 'せきしょ町 住民窓口', en: 'Municipal window of the town' } as const
