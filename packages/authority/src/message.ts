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
})
