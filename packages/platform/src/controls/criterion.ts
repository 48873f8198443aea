/**
 * The minister's criteria for an accredited verifier (S1 認定基準) as a living table: criterion → control → evidence. Whether a control
 * works is asked of the running platform each time the table is shown; nothing here is a claim by itself.
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { Words } from '@sekisho/web'
import type { ControlRecord } from './record.ts'

/** What the table is judged from, read from the running platform. */
export type ControlFacts = {
  readonly at: Instant
  readonly mode: 'town' | 'production'
  readonly issuer: string
  readonly records: Readonly<Record<ControlRecord['kind'], readonly ControlRecord[]>>
  readonly members: readonly {
    readonly id: string
    readonly roles: readonly string[]
    readonly state: string
    readonly passkeys: number
  }[]
  readonly acts: readonly {
    readonly id: string
    readonly kind: string
    readonly state: string
    readonly proposedBy: string
    readonly decidedBy: string | undefined
  }[]
  readonly ledger: {
    readonly isCurrent: boolean
    readonly verifierKey: string
    readonly checkpoint: string | undefined
    readonly audit: { readonly kind: string; readonly size?: number }
  }
  readonly refusals: readonly { readonly name: string; readonly count: number }[]
  readonly providers: readonly {
    readonly id: string
    readonly state: string
    readonly scopes: readonly string[]
  }[]
}

/** `met` by what was found; `lacking`, with what is to be done; `town`: it would be asked of an installation in production. */
export type Finding = 'met' | 'lacking' | 'town'

type Control = Words & {
  /** What is to be done when it is lacking. */
  readonly remedy: Words
  /** The part of the facts that shows it; its file in the bundle. */
  readonly evidence: keyof ControlFacts
  finding(facts: ControlFacts): Finding
}

/** A criterion with its controls. */
export type Criterion = Words & { readonly id: string; readonly controls: readonly Control[] }

/** The eight criteria, in the order of S1. */
export const criteria: readonly Criterion[] = [
  {
    id: 'rules',
    ja: '規程類の整備',
    en: 'Rules are laid down',
    controls: [
      {
        ja: '業務手順、責任と権限、監査を定めた規程が、文書の値とともに登録されている。',
        en: 'Rules on procedure, responsibility and audit are registered with the hash of the document.',
        remedy: {
          ja: '規程を登録してください。一年以上前の版は見直してください。',
          en: 'Register the rules. Review those in force for more than a year.',
        },
        evidence: 'records',
        finding: ({ records, at }) => met(lasting(records.rule).some(one => at - one.at < yearMs)),
      },
    ],
  },
  {
    id: 'network',
    ja: '電気通信回線を通じた不正アクセスの防止',
    en: 'Unauthorised access over networks is prevented',
    controls: [
      {
        ja: '外との通信は TLS による。',
        en: 'Everything outside is reached over TLS.',
        remedy: {
          ja: '発行者の URL を https にしてください。',
          en: 'Give the issuer an https URL.',
        },
        evidence: 'issuer',
        finding: ({ issuer, mode }) =>
          mode === 'town' ? 'town' : met(issuer.startsWith('https:')),
      },
      {
        ja: '契約の範囲を超える要求は断られ、数えられている。',
        en: 'Requests beyond a contract are refused and counted.',
        remedy: {
          ja: '範囲を持たない提供者の登録を見直してください。',
          en: 'Review providers that are registered without scopes.',
        },
        evidence: 'providers',
        finding: ({ providers }) => met(providers.every(one => one.scopes.length > 0)),
      },
    ],
  },
  {
    id: 'operation',
    ja: '正当な権限を有しない者による操作の防止',
    en: 'Nobody without the right operates the system',
    controls: [
      {
        ja: '担当者は一人ずつ登録され、本人を検証するパスキーで入り、役割ごとの権限だけを持つ。',
        en: 'Members of the staff are registered one by one, enter with a passkey that verifies them, and have the rights of their role only.',
        remedy: {
          ja: 'セキュリティ責任者を招待してください。',
          en: 'Invite a security officer.',
        },
        evidence: 'members',
        finding: ({ members }) =>
          met(members.some(one => one.roles.includes('security') && one.passkeys > 0)),
      },
      {
        ja: '危険な操作は二人で行われている。',
        en: 'Dangerous acts are done by two people.',
        remedy: {
          ja: '同じ権限を持つ担当者を二人以上にしてください。',
          en: 'Have at least two people with each right.',
        },
        evidence: 'acts',
        finding: ({ acts, members }) =>
          met(
            acts.every(
              one =>
                one.decidedBy === undefined ||
                one.state === 'declined' ||
                one.decidedBy !== one.proposedBy,
            ) && members.filter(one => one.state === 'active').length >= 2,
          ),
      },
    ],
  },
  {
    id: 'record',
    ja: '動作を記録する機能',
    en: 'What the system does is recorded',
    controls: [
      {
        ja: '記録は追記だけができる台帳にあり、全体が署名と一致する。',
        en: 'Records are in an append-only ledger, and all of it agrees with what was signed.',
        remedy: {
          ja: '台帳が損なわれています。直ちに保全し、最後に一致した時点を確かめてください。',
          en: 'The ledger is damaged. Secure it at once and find the last checkpoint that agrees.',
        },
        evidence: 'ledger',
        finding: ({ ledger }) => met(ledger.audit.kind === 'intact' && ledger.isCurrent),
      },
    ],
  },
  {
    id: 'entry',
    ja: '入退場管理に必要な措置',
    en: 'Entry to rooms is controlled',
    controls: [
      {
        ja: '失効情報を扱う設備への入退室が、許可した人とともに記録され、退室が残っている。',
        en: 'Entries to rooms with revocation data are recorded with who admitted them, and with their end.',
        remedy: {
          ja: '入退室を記録し、一日以上前に入った人の退室を確かめてください。',
          en: 'Record entries; see whether those who entered more than a day ago have left.',
        },
        evidence: 'records',
        finding: ({ records, at }) =>
          met(records.entry.length > 0 && lasting(records.entry).every(one => at - one.at < dayMs)),
      },
    ],
  },
  {
    id: 'outside',
    ja: '外部組織との連携に係る措置',
    en: 'Outside parties are bound',
    controls: [
      {
        ja: '外部組織は秘密保持契約とともに登録され、期限が切れていない。',
        en: 'Outside parties are registered with a secrecy agreement that has not run out.',
        remedy: {
          ja: '外部組織を登録し、期限の切れた契約を更新するか終えてください。',
          en: 'Register outside parties; renew or end contracts that have run out.',
        },
        evidence: 'records',
        finding: ({ records, at }) =>
          met(
            records['outside-party'].length > 0 &&
              lasting(records['outside-party']).every(
                one => Date.parse(`${one.body.until ?? ''}T23:59:59+09:00`) >= at,
              ),
          ),
      },
    ],
  },
  {
    id: 'organisation',
    ja: '情報セキュリティに係る組織体制',
    en: 'There is a security organisation',
    controls: [
      {
        ja: '責任者と担当者、代理が定められている。',
        en: 'Who is responsible, who does the work and who stands in are named.',
        remedy: { ja: '体制を登録してください。', en: 'Register the organisation.' },
        evidence: 'records',
        finding: ({ records }) => met(lasting(records.duty).length >= 2),
      },
    ],
  },
  {
    id: 'officers',
    ja: '役員等の要件',
    en: 'Officers are fit',
    controls: [
      {
        ja: '役員と業務統括責任者が、欠格事由がないことを一年以内に宣誓している。',
        en: 'Officers and the head of the business declared within a year that nothing disqualifies them.',
        remedy: {
          ja: '宣誓書を取り、登録してください。',
          en: 'Take and register the declarations.',
        },
        evidence: 'records',
        finding: ({ records, at }) =>
          met(
            lasting(records.officer).length > 0 &&
              lasting(records.officer).every(
                one => at - Date.parse(`${one.body.declaredOn ?? ''}T00:00:00+09:00`) < yearMs,
              ),
          ),
      },
    ],
  },
]

function met(is: boolean): Finding {
  return is ? 'met' : 'lacking'
}

function lasting(records: readonly ControlRecord[]): readonly ControlRecord[] {
  return records.filter(one => one.endedAt === undefined)
}

const dayMs = 24 * 3600 * 1000
const yearMs = 365 * dayMs
