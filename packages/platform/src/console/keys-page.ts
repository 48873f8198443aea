/** The platform's keys and the CAs that it trusts, on the console; what changes them is an act of two (C8). */
import type { Certificate } from '@sekisho/pki'
import { html, type Lang, type Markup, table } from '@sekisho/web'
import { sha256Hex } from '../evidence/hash.ts'
import type { Member } from '../staff/member.ts'
import { mayDo } from '../staff/role.ts'
import { proposeForm, timeText } from './frame.ts'

/** A key as it is shown: never more than its name. */
export type KeyFact = {
  readonly use: 'signs-now' | 'published' | 'receipts' | 'ledger'
  readonly keyId: string
  readonly kind: string
}

/** The page's parts. */
export function keysBody(given: {
  readonly lang: Lang
  readonly member: Member
  readonly place: 'file' | 'token'
  readonly keys: readonly KeyFact[]
  readonly anchors: readonly Certificate[]
}): readonly Markup[] {
  const { lang, member } = given
  const say = words[lang]
  return [
    html`<p class="lead">${say[given.place]}</p>`,
    table(
      say.keys,
      [say.use, say.kind, say.keyId],
      given.keys.map(one => [say[one.use], one.kind, html`<code>${one.keyId}</code>`]),
      { caption: 'unseen' },
    ),
    html`<h2>${say.anchors}</h2>`,
    table(
      say.anchors,
      [say.subject, say.until, say.fingerprint],
      given.anchors.map(one => [
        one.subject.toString(),
        timeText(one.notAfter, lang),
        html`<code>${sha256Hex(one.raw).slice(0, 32)}…</code>`,
      ]),
      { caption: 'unseen' },
    ),
    ...(mayDo(member.roles, 'manage-keys')
      ? [
          html`<h2>${say.rotate}</h2><p>${say.rotateHint}</p>`,
          proposeForm({
            lang,
            id: 'rotate',
            kind: 'token-key-rotate',
            label: say.propose,
            fields: [
              html`<div class="field"><label for="lead">${say.lead}</label><input type="text" inputmode="numeric" id="lead" name="leadHours" value="24" required pattern="[0-9]{1,4}"></div>`,
            ],
          }),
          html`<h2>${say.anchor}</h2><p>${say.anchorHint}</p>`,
          proposeForm({
            lang,
            id: 'anchor',
            kind: 'anchor-add',
            label: say.propose,
            fields: [
              html`<div class="field"><label for="anchor-pem">PEM</label><textarea id="anchor-pem" name="certificate" rows="6" required></textarea></div>`,
            ],
          }),
        ]
      : []),
  ]
}

const words = {
  ja: {
    file: '鍵はこのサーバーのファイルにあります。',
    token: '鍵は装置(PKCS #11)の中にあります。',
    keys: '鍵',
    use: '用途',
    kind: '種類',
    keyId: '識別子',
    'signs-now': 'IDトークンに署名している鍵',
    published: '公開だけしているIDトークンの鍵(これから、または以前のもの)',
    receipts: '受領証と検証の報告',
    ledger: '台帳のチェックポイント',
    anchors: '信頼している認証局',
    subject: '名前',
    until: '有効期限',
    fingerprint: 'SHA-256',
    rotate: 'IDトークンの鍵を替える',
    rotateHint:
      '新しい鍵を作り、示した時間だけ公開してから署名に使います。漏えいしたときは 0 時間にして、直ちに替えます。以前の鍵は、そのトークンが使われる間、公開を続けます。',
    lead: '公開してから使うまで(時間)',
    anchor: '認証局の証明書を信頼に加える',
    anchorHint:
      '認証局から別の経路で受け取り、フィンガープリントを確かめた証明書だけを加えてください。',
    propose: '提案する',
  },
  en: {
    file: 'The keys lie in files of this server.',
    token: 'The keys lie in a token (PKCS #11).',
    keys: 'Keys',
    use: 'Use',
    kind: 'Kind',
    keyId: 'Identifier',
    'signs-now': 'signs ID tokens',
    published: 'published key of ID tokens, of before or to come',
    receipts: 'receipts and reports',
    ledger: 'checkpoints of the ledger',
    anchors: 'Trusted CAs',
    subject: 'Name',
    until: 'Valid until',
    fingerprint: 'SHA-256',
    rotate: 'Change the key of ID tokens',
    rotateHint:
      'A new key is made, published for the time given, and then signs. After a leak give 0 hours: it signs at once. The former key is published for as long as its tokens are in use.',
    lead: 'Hours between publication and use',
    anchor: 'Trust one more CA certificate',
    anchorHint:
      'Only one that you have from the authority by another way, and whose fingerprint you have compared.',
    propose: 'Propose',
  },
} as const
