/**
 * Every life event with its legal effect (A1–A3, flows.md §2–3): whom it can happen to, what it does to the certificates and to
 * the card, and where that is written. The window performs events; what follows from one stands here and nowhere else. Codes
 * of the causes are in `revocation/revoke.ts`.
 */
import type { ResidentStatus } from '../database.ts'
import type { Cause } from '../revocation/revoke.ts'

/** What an event does besides changing the record. */
export type LifeEvent = {
  /** Standing in the register that somebody must have for it. */
  readonly among: readonly ResidentStatus[]
  /** Cause that ends certificates, or what else becomes of them; null: nothing. */
  readonly certificates: Cause | 'hold' | 'release' | null
  readonly endsCard: boolean
  /** What must have been there to end or to change; without it there was no event. */
  readonly needs?: 'certificate' | 'card'
  readonly source: string
}

const here: readonly ResidentStatus[] = ['resident']
const alive: readonly ResidentStatus[] = ['resident', 'overseas']
const anybody: readonly ResidentStatus[] = ['resident', 'overseas', 'deceased', 'removed']
const harmless = { certificates: null, endsCard: false } as const
const changesRecord = { certificates: 'attributes-changed', endsCard: false } as const
const removes = { certificates: 'removed-from-register', endsCard: true } as const

/** Events of the resident record, of the card and of the certificates. */
export const lifeEvents = {
  // Somebody enters the register.
  born: {
    among: here,
    ...harmless,
    source: 'flows.md §2; asked of a parent, noted in the child’s file',
  },
  arrived: { among: here, ...harmless, source: 'flows.md §2' },
  'registered-abroad': { among: ['overseas'], ...harmless, source: 'catalogue A9' },
  // The four attributes change.
  moved: { among: alive, ...changesRecord, source: 'flows.md §3 row 1; return: A9' },
  renamed: { among: here, ...changesRecord, source: 'flows.md §3 row 1' },
  'alias-changed': {
    among: here,
    ...changesRecord,
    source: 'flows.md §3 row 1: the alias is part of the name',
  },
  corrected: { among: here, ...changesRecord, source: 'flows.md §3 row 1' },
  'corrected-trivially': {
    among: here,
    ...harmless,
    source: 'jpki.md §5.1, Act art. 12: trivial corrections do not count',
  },
  // Somebody leaves it.
  deceased: { among: alive, ...removes, source: 'flows.md §3 row 2' },
  removed: { among: here, ...removes, source: 'flows.md §3 row 2: loss of residence status' },
  'stay-ended': { among: here, ...removes, source: 'flows.md §3 row 2: end of stay passed' },
  overseas: { among: here, ...changesRecord, source: 'flows.md §3 row 2, with continuation: A9' },
  'overseas-for-good': {
    among: here,
    ...removes,
    source: 'flows.md §3 row 2, without continuation',
  },
  // What the record says besides the four attributes.
  'stay-extended': { among: here, ...harmless, source: 'flows.md §2: end of stay' },
  'household-joined': {
    among: here,
    ...harmless,
    source: 'household is none of the four attributes',
  },
  'head-changed': { among: here, ...harmless, source: 'household is none of the four attributes' },
  'ward-begun': {
    among: alive,
    certificates: 'guardianship-begun',
    endsCard: false,
    source: 'flows.md §2: wards normally get none; whether it ends one is data (A1)',
  },
  'ward-ended': { among: alive, ...harmless, source: 'flows.md §2' },
  // Number and card.
  'number-changed': {
    among: here,
    certificates: 'card-ended',
    endsCard: true,
    source: 'flows.md §3 row 3',
  },
  'card-ended': {
    among: anybody,
    certificates: 'card-ended',
    endsCard: true,
    needs: 'card',
    source: 'flows.md §3 row 3',
  },
  'card-extended': { among: here, ...harmless, source: 'flows.md §2: the card follows the stay' },
  'card-handed-out': { among: alive, ...harmless, source: 'flows.md §2 step 6' },
  'card-reissued': {
    among: alive,
    certificates: 'renewed',
    endsCard: true,
    needs: 'card',
    source: 'catalogue A8: reissue → superseded',
  },
  // Certificates alone.
  renewed: {
    among: alive,
    certificates: 'renewed',
    endsCard: false,
    source: 'flows.md §3: superseded',
  },
  'signature-reissued': {
    among: here,
    certificates: 'signature-renewed',
    endsCard: false,
    source: 'flows.md §3: superseded',
  },
  'stopped-by-holder': {
    among: anybody,
    certificates: 'stopped-by-holder',
    endsCard: false,
    needs: 'certificate',
    source: 'flows.md §3 row 4',
  },
  'key-compromised': {
    among: anybody,
    certificates: 'key-compromised',
    endsCard: false,
    needs: 'certificate',
    source: 'flows.md §3 row 4',
  },
  'recorded-wrongly': {
    among: anybody,
    certificates: 'recorded-wrongly',
    endsCard: false,
    needs: 'certificate',
    source: 'flows.md §3 row 5',
  },
  lost: {
    among: anybody,
    certificates: 'hold',
    endsCard: false,
    needs: 'certificate',
    source: 'catalogue A8',
  },
  found: {
    among: anybody,
    certificates: 'release',
    endsCard: false,
    needs: 'certificate',
    source: 'catalogue A8, A3: where the regime lifts holds',
  },
  'authentication-secret-reset': { among: alive, ...harmless, source: 'flows.md §2 step 6' },
  'text-pin-secret-reset': { among: alive, ...harmless, source: 'flows.md §2 step 6' },
  'resident-pin-secret-reset': { among: alive, ...harmless, source: 'flows.md §2 step 6' },
  'codes-unblocked': { among: alive, ...harmless, source: 'jpki.md §1.5: at the counter only' },
  'card-updated': {
    among: alive,
    ...harmless,
    source: 'catalogue B2, B3: the card shows the present record once it is brought along',
  },
  'signature-secret-reset': { among: alive, ...harmless, source: 'flows.md §2 step 6' },
} as const satisfies Readonly<Record<string, LifeEvent>>
export type LifeEventKind = keyof typeof lifeEvents
