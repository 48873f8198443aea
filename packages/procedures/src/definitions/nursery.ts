/** D4: nursery application (flows.md §16). One act per parent; both employers in parallel; the papers go on by themselves; the town decides. */
import { defineProcedure, type Step } from '../definition.ts'
import type { Form } from '../form.ts'

const workForm: Form = {
  properties: {
    employedSince: {
      type: 'string',
      format: 'date',
      title: { ja: '雇用開始日', en: 'Employed since' },
    },
    weeklyDays: {
      type: 'integer',
      minimum: 0,
      maximum: 7,
      title: { ja: '1週間の勤務日数', en: 'Days a week' },
    },
    monthlyHours: {
      type: 'integer',
      minimum: 0,
      maximum: 744,
      title: { ja: '1か月の勤務時間', en: 'Hours a month' },
    },
    workplace: { type: 'string', maxLength: 128, title: { ja: '勤務地', en: 'Workplace' } },
    kind: {
      type: 'string',
      enum: ['regular', 'fixed-term', 'part-time', 'other'],
      choices: {
        regular: { ja: '正社員', en: 'Regular' },
        'fixed-term': { ja: '契約・派遣', en: 'Fixed term' },
        'part-time': { ja: 'パート・アルバイト', en: 'Part time' },
        other: { ja: 'その他', en: 'Other' },
      },
      title: { ja: '雇用の形', en: 'Kind of employment' },
    },
  },
  required: ['employedSince', 'weeklyDays', 'monthlyHours', 'workplace', 'kind'],
}

function certificate(parent: 'first' | 'second', after: string): Step {
  return {
    id: `${parent}-certificate`,
    title: { ja: '就労証明書の発行', en: 'Work certificate' },
    role: `${parent}Employer`,
    after: [after],
    does: {
      kind: 'certify',
      form: workForm,
      act: 'employment.certify',
      document: { ja: '就労証明書', en: 'Work certificate' },
    },
    deadline: { days: 10, counted: 'open-days', from: 'opening', late: 'remind' },
    sees: ['applicant', 'secondParent', 'municipality'],
  }
}

/** The procedure. */
export const nursery = defineProcedure({
  id: 'nursery',
  version: 1,
  title: { ja: '保育所の入所申込み', en: 'Nursery application' },
  lead: {
    ja: '保護者がそれぞれ一度署名するだけで、勤務先の就労証明書がそろい、市区町村に届きます。',
    en: 'Each parent signs once; the employers’ work certificates are collected and reach the town.',
  },
  roles: {
    applicant: {
      title: { ja: '申し込む保護者', en: 'Parent who applies' },
      kinds: ['person'],
      chosen: 'applicant',
      receives: [],
    },
    secondParent: {
      title: { ja: 'もう一人の保護者', en: 'Other parent' },
      kinds: ['person'],
      chosen: 'invited',
      isOptional: true,
      receives: ['childName', 'childBirthdate', 'nursery', 'from'],
    },
    firstEmployer: {
      title: { ja: '申し込む保護者の勤務先', en: 'Employer of the parent who applies' },
      kinds: ['organisation'],
      chosen: 'corporation',
      receives: ['name', 'address'],
    },
    secondEmployer: {
      title: { ja: 'もう一人の保護者の勤務先', en: 'Employer of the other parent' },
      kinds: ['organisation'],
      chosen: 'corporation',
      isOptional: true,
      receives: [],
    },
    municipality: {
      title: { ja: '市区町村', en: 'Town' },
      kinds: ['municipality'],
      chosen: 'box',
      receives: ['name', 'address', 'childName', 'childBirthdate', 'nursery', 'from', 'reason'],
    },
  },
  form: {
    properties: {
      name: { type: 'string', maxLength: 64, title: { ja: '保護者の氏名', en: 'Parent’s name' } },
      address: { type: 'string', maxLength: 256, title: { ja: '住所', en: 'Address' } },
      childName: {
        type: 'string',
        maxLength: 64,
        title: { ja: '子どもの氏名', en: 'Child’s name' },
      },
      childBirthdate: {
        type: 'string',
        format: 'date',
        title: { ja: '子どもの生年月日', en: 'Child’s birth date' },
      },
      nursery: { type: 'string', maxLength: 128, title: { ja: '希望する保育所', en: 'Nursery' } },
      from: { type: 'string', format: 'date', title: { ja: '入所を希望する日', en: 'From' } },
      reason: {
        type: 'string',
        maxLength: 500,
        title: { ja: '市区町村に伝えたいこと', en: 'Anything to tell the town' },
      },
    },
    required: ['name', 'address', 'childName', 'childBirthdate', 'nursery', 'from'],
  },
  proven: { name: 'name', address: 'address' },
  steps: [
    {
      id: 'apply',
      title: { ja: '申込みと就労証明書の依頼', en: 'Application and request' },
      role: 'applicant',
      after: [],
      does: { kind: 'apply' },
      sees: ['applicant', 'secondParent'],
    },
    {
      id: 'second-request',
      title: { ja: 'もう一人の保護者の署名', en: 'The other parent signs' },
      role: 'secondParent',
      after: ['apply'],
      does: {
        kind: 'sign',
        document: {
          ja: '入所申込みへの同意と就労証明書の依頼',
          en: 'Agreement and request for the work certificate',
        },
        form: {
          properties: {
            name: { type: 'string', maxLength: 64, title: { ja: '氏名', en: 'Name' } },
          },
          required: ['name'],
        },
      },
      deadline: { days: 14, counted: 'calendar', from: 'opening', late: 'remind' },
      sees: ['applicant', 'secondEmployer', 'municipality'],
    },
    certificate('first', 'apply'),
    certificate('second', 'second-request'),
    {
      id: 'decide',
      title: { ja: '利用の決定', en: 'Decision' },
      role: 'municipality',
      after: ['first-certificate', 'second-certificate'],
      does: {
        kind: 'decide',
        outcomes: [
          { id: 'granted', title: { ja: '入所を承諾します', en: 'Granted' }, endsCase: true },
          {
            id: 'waiting',
            title: { ja: '空きを待っていただきます', en: 'On the waiting list' },
            endsCase: true,
          },
          { id: 'refused', title: { ja: '入所できません', en: 'Refused' }, endsCase: true },
        ],
        form: {
          properties: {
            note: { type: 'string', maxLength: 500, title: { ja: '理由など', en: 'Reason' } },
          },
          required: [],
        },
      },
      deadline: { days: 30, counted: 'calendar', from: 'opening', late: 'hand-over' },
      sees: ['applicant', 'secondParent'],
    },
  ],
})
