/** Where the people of a town live: seven real municipalities, from a special ward to an island village. */

/** Their codes. A town has revocation lists of these from the beginning, of others once a certificate is issued there. */
export const townMunicipalities = [
  '13101',
  '13104',
  '14205',
  '23211',
  '01202',
  '47201',
  '13421',
] as const
