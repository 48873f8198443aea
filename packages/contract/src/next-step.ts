/** What a provider may do next about a person whose facts may have changed (flows.md §3, two ways to update). */
import { z } from 'zod'

/** Every step, as people are told it. */
export const nextSteps = {
  'latest-attributes': {
    ja: 'ご本人が同意していれば、最新の4情報を受け取れます。',
    en: 'Fetch the latest attributes, where the person has agreed to that.',
  },
  'new-signature': {
    ja: '新しい署名用電子証明書で、もう一度本人確認をしてもらってください。',
    en: 'Ask for an identification with the new signature certificate.',
  },
  'card-text': {
    ja: 'カードの券面事項入力補助アプリの記録を、窓口などで読み取ってください。',
    en: 'Read the record in the text application of the card, for instance at a counter.',
  },
  'login-with-new-card': {
    ja: '更新後のカードでログインしてもらってください。同じ利用者として続けられます。',
    en: 'Ask for a login with the renewed card; the person stays the same customer.',
  },
  'ask-person': {
    ja: 'ご本人に、電子的でない方法で確認してください。',
    en: 'Ask the person, by a way that is not electronic.',
  },
  'field-check': {
    ja: '現地や親族などに確認してから、手続を進めてください。',
    en: 'Check in the field or with relatives before you go on.',
  },
  'refuse-for-now': {
    ja: 'このカードによる手続は、確認できるまで受け付けないでください。',
    en: 'Accept nothing by this card until it is confirmed.',
  },
} as const satisfies Readonly<Record<string, { readonly ja: string; readonly en: string }>>

const codes = Object.keys(nextSteps) as readonly (keyof typeof nextSteps)[]

const nextStep = z.enum(codes)
export type NextStep = z.infer<typeof nextStep>

/** A step with its sentences, as an answer carries it. */
export const toldStep = z.strictObject({ code: nextStep, ja: z.string(), en: z.string() })

/** Steps with their sentences. */
export function tellSteps(steps: readonly NextStep[]): z.infer<typeof toldStep>[] {
  return steps.map(code => ({ code, ...nextSteps[code] }))
}
