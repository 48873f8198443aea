/** D30: a certificate of a third party (premiums paid, graduation, employment) to whom its subject wants it to go, on the road of D4. */
import { defineProcedure } from '../definition.ts'

/** The procedure. */
export const certificateRequest = defineProcedure({
  id: 'certificate',
  version: 1,
  title: { ja: '証明書の依頼と提出', en: 'Certificate to a receiver' },
  lead: {
    ja: '会社や学校に証明書を依頼し、できあがった証明書を、指定した提出先にそのまま届けます。',
    en: 'Ask a company or school for a certificate; it goes to the receiver you name as it was signed.',
  },
  roles: {
    applicant: {
      title: { ja: '依頼する人', en: 'Person concerned' },
      kinds: ['person'],
      chosen: 'applicant',
      receives: [],
    },
    issuer: {
      title: { ja: '証明する会社・学校', en: 'Issuer' },
      kinds: ['organisation'],
      chosen: 'corporation',
      receives: ['name', 'address', 'what', 'year'],
    },
    receiver: {
      title: { ja: '提出先', en: 'Receiver' },
      kinds: ['provider', 'organisation', 'municipality'],
      chosen: 'box',
      receives: ['name', 'what', 'year'],
    },
  },
  form: {
    properties: {
      name: { type: 'string', maxLength: 64, title: { ja: '氏名', en: 'Name' } },
      address: { type: 'string', maxLength: 256, title: { ja: '住所', en: 'Address' } },
      what: {
        type: 'string',
        enum: ['premium', 'graduation', 'employment'],
        choices: {
          premium: { ja: '保険料の控除証明', en: 'Premiums paid' },
          graduation: { ja: '卒業の証明', en: 'Graduation' },
          employment: { ja: '在職の証明', en: 'Employment' },
        },
        title: { ja: '証明書の種類', en: 'Kind' },
      },
      year: {
        type: 'integer',
        minimum: 1950,
        maximum: 2100,
        title: { ja: '対象の年', en: 'Year' },
      },
    },
    required: ['name', 'address', 'what', 'year'],
  },
  proven: { name: 'name', address: 'address' },
  steps: [
    {
      id: 'apply',
      title: { ja: '依頼', en: 'Request' },
      role: 'applicant',
      after: [],
      does: { kind: 'apply' },
      sees: ['applicant'],
    },
    {
      id: 'certify',
      title: { ja: '証明書の発行', en: 'Issue' },
      role: 'issuer',
      after: ['apply'],
      does: {
        kind: 'certify',
        act: 'certificate.issue',
        document: { ja: '証明書', en: 'Certificate' },
        form: {
          properties: {
            statement: {
              type: 'string',
              maxLength: 500,
              title: { ja: '証明する内容', en: 'What is certified' },
            },
            yen: { type: 'integer', minimum: 0, title: { ja: '金額(円)', en: 'Amount (yen)' } },
          },
          required: ['statement'],
        },
      },
      deadline: { days: 10, counted: 'open-days', from: 'opening', late: 'remind' },
      sees: ['applicant', 'receiver'],
    },
    {
      id: 'receive',
      title: { ja: '受領', en: 'Receipt' },
      role: 'receiver',
      after: ['certify'],
      does: {
        kind: 'decide',
        outcomes: [
          { id: 'received', title: { ja: '受け取りました', en: 'Received' } },
          { id: 'rejected', title: { ja: '受け取れません', en: 'Rejected' } },
        ],
      },
      deadline: { days: 20, counted: 'open-days', from: 'opening', late: 'remind' },
      sees: ['applicant'],
    },
  ],
})
