/** D3: moving, one stop (flows.md §13). The new address is entered once; each partner agreed beforehand gets its fields, works, and answers. */
import { defineProcedure } from '../definition.ts'

/** The procedure. */
export const moving = defineProcedure({
  id: 'moving',
  version: 1,
  title: { ja: '引越しの一括手続', en: 'Moving, one stop' },
  lead: {
    ja: '新しい住所を一度入力して、役所と、あらかじめ選んだ電気・水道・銀行などの住所変更をまとめて申し込みます。',
    en: 'Enter the new address once: the town hall and the partners that you chose beforehand change it.',
  },
  roles: {
    applicant: {
      title: { ja: '申請する人', en: 'Applicant' },
      kinds: ['person'],
      chosen: 'applicant',
      receives: [],
    },
    municipality: {
      title: { ja: '転入先の市区町村', en: 'Town you move to' },
      kinds: ['municipality'],
      chosen: 'box',
      receives: ['name', 'formerAddress', 'newAddress', 'movedOn', 'members', 'phone'],
    },
    partner: {
      title: { ja: '提供先', en: 'Partner' },
      kinds: ['provider'],
      chosen: 'agreed',
      isMany: true,
      isOptional: true,
      receives: ['name', 'newAddress', 'movedOn'],
    },
  },
  form: {
    properties: {
      name: { type: 'string', title: { ja: '氏名', en: 'Name' }, maxLength: 64 },
      formerAddress: {
        type: 'string',
        title: { ja: 'これまでの住所', en: 'Former address' },
        maxLength: 256,
      },
      newAddress: {
        type: 'string',
        title: { ja: '新しい住所', en: 'New address' },
        maxLength: 256,
      },
      movedOn: {
        type: 'string',
        format: 'date',
        title: { ja: '引っ越した日', en: 'Day of the move' },
      },
      members: {
        type: 'integer',
        minimum: 1,
        maximum: 20,
        title: {
          ja: '一緒に引っ越した人数(本人を含む)',
          en: 'People who moved, yourself included',
        },
      },
      phone: {
        type: 'string',
        pattern: '^[0-9-]{8,16}$',
        title: { ja: '連絡先の電話番号', en: 'Phone' },
        hint: { ja: '数字とハイフン', en: 'Digits and dashes' },
      },
    },
    required: ['name', 'formerAddress', 'newAddress', 'movedOn', 'members'],
  },
  proven: { name: 'name', address: 'newAddress' },
  steps: [
    {
      id: 'apply',
      title: { ja: '申請', en: 'Application' },
      role: 'applicant',
      after: [],
      does: { kind: 'apply' },
      sees: ['applicant'],
    },
    {
      id: 'move-in',
      title: { ja: '転入の届出の受付', en: 'Notification of moving in' },
      role: 'municipality',
      after: ['apply'],
      does: {
        kind: 'decide',
        outcomes: [
          { id: 'accepted', title: { ja: '受理しました', en: 'Accepted' } },
          { id: 'visit', title: { ja: '窓口での確認が必要です', en: 'A visit is needed' } },
        ],
      },
      // Resident Register Act art. 22: within 14 days of moving in.
      deadline: { days: 14, counted: 'calendar', from: { field: 'movedOn' }, late: 'remind' },
      sees: ['applicant'],
      undo: {
        ja: '転入の届出が取り下げられました。記録を元に戻してください。',
        en: 'The notification was withdrawn: undo it.',
      },
    },
    {
      id: 'update',
      title: { ja: '登録住所の変更', en: 'Change of address' },
      role: 'partner',
      after: ['apply'],
      does: {
        kind: 'decide',
        outcomes: [
          { id: 'updated', title: { ja: '変更しました', en: 'Changed' } },
          { id: 'contact', title: { ja: '確認のため連絡します', en: 'We will contact you' } },
          { id: 'no-customer', title: { ja: '該当する契約がありません', en: 'No such customer' } },
        ],
        form: {
          properties: {
            note: { type: 'string', maxLength: 500, title: { ja: '連絡事項', en: 'Note' } },
          },
          required: [],
        },
      },
      deadline: { days: 5, counted: 'open-days', from: 'opening', late: 'hand-over' },
      sees: ['applicant'],
      undo: {
        ja: '住所変更の申込みが取り下げられました。元の住所に戻してください。',
        en: 'The change was withdrawn: put the former address back.',
      },
    },
  ],
})
