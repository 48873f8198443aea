import { defineMessages } from '@sekisho/runtime/log'

/** Everything the authority writes to its log. */
export const messages = defineMessages({
  'authority.lists-published': {
    level: 'info',
    text: 'revocation lists were published',
    fields: { lists: 'number' },
  },
  'authority.background-fault': {
    level: 'error',
    text: 'a background task met a fault',
    fields: { fault: 'fault' },
  },
  'authority.town-seeded': {
    level: 'info',
    text: 'residents were registered',
    fields: { residents: 'number', personas: 'number' },
  },
  'authority.query-answered': {
    level: 'info',
    text: 'a query of a verifier was answered',
    fields: { verifier: 'code', kind: 'code', isRepeated: 'boolean' },
  },
  'authority.cards-ready': {
    level: 'info',
    text: 'cards are ready and their holders are told',
    fields: { cards: 'number' },
  },
  'authority.caller-not-identified': {
    level: 'warn',
    text: 'a caller of the loss line was not identified',
  },
  'authority.keys-opened': {
    level: 'warn',
    text: 'two operators opened the token of the CA keys',
    fields: { operators: 'code' },
  },
  'authority.keys-closed': {
    level: 'warn',
    text: 'an operator closed the token of the CA keys',
    fields: { operator: 'code' },
  },
  'authority.keys-locked': {
    level: 'warn',
    text: 'what is due cannot be signed: the token of the CA keys is not open',
    fields: { lists: 'number' },
  },
  'authority.ceremony-held': {
    level: 'warn',
    text: 'a key ceremony made a new generation of a CA',
    fields: { ca: 'code', generation: 'number', operators: 'code' },
  },
})
