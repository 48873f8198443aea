/** D21: bereavement, one stop (flows.md §13): who represents the heirs, proven by an office's document, closes accounts with one filing. */
import { defineProcedure } from '../definition.ts'

/** The procedure. */
export const bereavement = defineProcedure({
  id: 'bereavement',
  version: 1,
  title: { ja: '亡くなった方の手続', en: 'Bereavement, one stop' },
  lead: {
    ja: '相続人の代表として、亡くなった方の契約や口座の手続を、一度の申請でまとめて申し込みます。',
    en: 'As representative of the heirs, close the contracts and accounts of a person who has died with one filing.',
  },
  roles: {
    applicant: {
      title: { ja: '相続人の代表', en: 'Representative of the heirs' },
      kinds: ['person'],
      chosen: 'applicant',
      receives: [],
    },
    organisation: {
      title: { ja: '手続先', en: 'Organisation' },
      kinds: ['provider', 'organisation', 'municipality'],
      chosen: 'box',
      isMany: true,
      receives: ['deceasedName', 'deceasedBirthdate', 'diedOn', 'name', 'address', 'phone'],
    },
  },
  form: {
    properties: {
      deceasedName: {
        type: 'string',
        maxLength: 64,
        title: { ja: '亡くなった方の氏名', en: 'Name of the deceased' },
      },
      deceasedBirthdate: {
        type: 'string',
        format: 'date',
        title: { ja: '亡くなった方の生年月日', en: 'Birth date of the deceased' },
      },
      diedOn: { type: 'string', format: 'date', title: { ja: '亡くなった日', en: 'Day of death' } },
      name: { type: 'string', maxLength: 64, title: { ja: 'あなたの氏名', en: 'Your name' } },
      address: {
        type: 'string',
        maxLength: 256,
        title: { ja: 'あなたの住所', en: 'Your address' },
      },
      phone: { type: 'string', pattern: '^[0-9-]{8,16}$', title: { ja: '電話番号', en: 'Phone' } },
    },
    required: ['deceasedName', 'deceasedBirthdate', 'diedOn', 'name', 'address'],
  },
  standing: { relation: 'heirs', name: 'deceasedName', birthdate: 'deceasedBirthdate' },
  proven: { name: 'name', address: 'address' },
  steps: [
    {
      id: 'apply',
      title: { ja: '申請', en: 'Filing' },
      role: 'applicant',
      after: [],
      does: { kind: 'apply' },
      sees: ['applicant'],
    },
    {
      id: 'close',
      title: { ja: '契約・口座の手続', en: 'Closing' },
      role: 'organisation',
      after: ['apply'],
      does: {
        kind: 'decide',
        outcomes: [
          { id: 'closed', title: { ja: '手続が済みました', en: 'Closed' } },
          { id: 'papers', title: { ja: '書類が必要です', en: 'Papers are needed' } },
          { id: 'none', title: { ja: '契約がありません', en: 'Nothing there' } },
        ],
        form: {
          properties: {
            note: { type: 'string', maxLength: 500, title: { ja: '連絡事項', en: 'Note' } },
          },
          required: [],
        },
      },
      deadline: { days: 10, counted: 'open-days', from: 'opening', late: 'hand-over' },
      sees: ['applicant'],
    },
  ],
})
