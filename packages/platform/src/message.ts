import { defineMessages } from '@sekisho/runtime/log'

/** Everything the platform writes to its log. */
export const messages = defineMessages({
  'platform.event-not-taken': {
    level: 'warn',
    text: 'a receiver did not take an event; it is tried again',
    fields: { provider: 'code' },
  },
  'platform.logout-not-taken': {
    level: 'warn',
    text: 'a provider did not take a logout token; it is tried again',
    fields: { provider: 'code' },
  },
  'platform.logout-missed': {
    level: 'error',
    text: 'a provider took no logout token for a day; it is given up',
    fields: { provider: 'code' },
  },
  'platform.sweep-waits': {
    level: 'warn',
    text: 'changes of a partition cannot be told yet',
    fields: { refusal: 'code' },
  },
  'platform.changes-told': {
    level: 'info',
    text: 'changes were told to those who watch them',
    fields: { events: 'number' },
  },
  'platform.openid-fault': {
    level: 'error',
    text: 'the OpenID Provider met a fault',
    fields: { fault: 'fault' },
  },
  'platform.interaction-refused': {
    level: 'info',
    text: 'a card step was refused',
    fields: { kind: 'code', provider: 'code', refusal: 'code' },
  },
  'platform.interaction-finished': {
    level: 'info',
    text: 'a card step was finished',
    fields: { kind: 'code', provider: 'code' },
  },
  'platform.scope-refused': {
    level: 'warn',
    text: 'a provider asked beyond its scope',
    fields: { provider: 'code', scope: 'code' },
  },
  'platform.revocation-updated': {
    level: 'info',
    text: 'new revocation data is in force',
    fields: { partitions: 'number', changed: 'number' },
  },
  'platform.revocation-update-failed': {
    level: 'warn',
    text: 'revocation data could not be brought up to date',
    fields: { refusal: 'code' },
  },
  'platform.revocation-stale': {
    level: 'warn',
    text: 'lists are stale; people of these partitions are refused',
    fields: { partitions: 'number' },
  },
  'platform.consent-withdrawn': {
    level: 'info',
    text: 'a consent was withdrawn',
    fields: { provider: 'code' },
  },
  'platform.background-fault': {
    level: 'error',
    text: 'a background task met a fault',
    fields: { fault: 'fault' },
  },
})
