import type { Words } from '@sekisho/web'

/** The wallet's texts. */
export const words = {
  service: { ja: 'カードウォレット', en: 'Card wallet' },
  homeTitle: { ja: 'カードウォレット', en: 'Card wallet' },
  homeLead: {
    ja: '架空の住民のマイナンバーカードが入っています。サービスの画面で「ウォレットのカードを使う」を押すと、読み取りの画面が開きます。',
    en: 'It holds the My Number cards of synthetic residents. Press "Use a card in the wallet" at a service, and the reading window opens.',
  },
  cards: { ja: '入っているカード', en: 'Cards in it' },
  noCards: {
    ja: 'ウォレットにカードがありません。',
    en: 'There is no card in the wallet.',
  },
  look: { ja: 'カードの状態を見る', en: 'See the state of the card' },
  back: { ja: 'カードの一覧へ戻る', en: 'Back to the cards' },
  authenticationKey: {
    ja: '利用者証明用（数字4桁）',
    en: 'Authentication (4 digits)',
  },
  signatureKey: {
    ja: '署名用（英数字6〜16文字）',
    en: 'Signature (6 to 16 letters and digits)',
  },
  window: {
    ja: 'ロックされた暗証番号は、市区町村の窓口で初期化を受けてください。',
    en: 'A locked PIN is reset at the municipal window.',
  },
  otherCard: {
    ja: '別のカードを選ぶか、サービスの画面へ戻ってください。',
    en: 'Choose another card, or return to the service.',
  },
  readerTitle: { ja: 'カードの読み取り', en: 'Card reader' },
  waiting: {
    ja: 'サービスからの依頼を待っています。',
    en: 'Waiting for the request of the service.',
  },
  alone: {
    ja: 'この画面は、サービスの画面のボタンから開いてください。',
    en: 'Open this window from the button of a service.',
  },
  malformed: {
    ja: 'サービスからの依頼の形式が正しくありません。この画面を閉じてください。',
    en: 'The request of the service does not have the required form. Close this window.',
  },
  fault: {
    ja: 'ウォレットにつながりません。この画面を閉じて、やり直してください。',
    en: 'The wallet cannot be reached. Close this window and try again.',
  },
  script: {
    ja: 'カードの読み取りには、ブラウザーの JavaScript を有効にしてください。',
    en: 'To read a card, allow JavaScript in your browser.',
  },
  loginTitle: { ja: 'カードでログイン', en: 'Log in with the card' },
  signTitle: { ja: 'カードで署名', en: 'Sign with the card' },
  askedBy: { ja: '依頼元のサイト', en: 'Asked by the site' },
  purpose: { ja: '目的', en: 'Purpose' },
  purposes: {
    login: {
      ja: 'ログイン（利用者証明用電子証明書）',
      en: 'Log in (authentication certificate)',
    },
    identify: {
      ja: '本人確認の同意に署名（署名用電子証明書）',
      en: 'Sign the consent to identification (signature certificate)',
    },
    sign: {
      ja: '文書に署名（署名用電子証明書）',
      en: 'Sign a document (signature certificate)',
    },
  },
  readFirst: {
    ja: '次の内容に署名します。最後までお読みください。',
    en: 'This is what will be signed. Please read all of it.',
  },
  openPdf: { ja: '文書を別の画面で開く', en: 'Open the document in another tab' },
  chooseCard: { ja: 'カードを選ぶ', en: 'Choose a card' },
  insert: { ja: 'カードをリーダーにかざす', en: 'Hold the card to the reader' },
  cancel: { ja: '取り消す', en: 'Cancel' },
  giveUp: { ja: 'サービスの画面へ戻る', en: 'Return to the service' },
  enter: { ja: '暗証番号の入力', en: 'Enter the PIN' },
  card: { ja: 'カード', en: 'Card' },
  tries: { ja: '入力できる回数', en: 'Tries' },
  triesUnknown: { ja: '不明', en: 'unknown' },
  pin: { ja: '利用者証明用の暗証番号', en: 'Authentication PIN' },
  pinHint: { ja: '数字4桁です。', en: '4 digits.' },
  password: { ja: '署名用パスワード', en: 'Signature password' },
  passwordHint: {
    ja: '英数字6〜16文字です。小文字で入力しても構いません。',
    en: '6 to 16 letters and digits. Small letters will do.',
  },
  lastTry: { ja: 'これが最後の1回です。', en: 'This is the last try.' },
  lastPin: {
    ja: '間違えると利用者証明用の暗証番号がロックされ、市区町村の窓口での初期化が必要になります。',
    en: 'If it is wrong, the authentication PIN locks and must be reset at the municipal window.',
  },
  lastPassword: {
    ja: '間違えると署名用パスワードがロックされ、市区町村の窓口での初期化が必要になります。',
    en: 'If it is wrong, the signature password locks and must be reset at the municipal window.',
  },
  confirmLast: {
    ja: '最後の1回であることを確かめました。',
    en: 'I know that this is the last try.',
  },
  confirmFirst: {
    ja: '最後の1回です。確認の欄にチェックを入れてから、もう一度入力してください。',
    en: 'This is the last try. Tick the confirmation and enter it again.',
  },
  login: { ja: 'ログインする', en: 'Log in' },
  sign: { ja: '署名する', en: 'Sign' },
  finishedTitle: { ja: 'カードの操作は終わりました', en: 'The card step has ended' },
  done: { ja: 'カードを外して構いません。', en: 'You may remove the card.' },
  returnTo: {
    ja: 'この画面は自動的に閉じます。閉じないときは閉じて、次のサイトの画面へ戻ってください:',
    en: 'This window closes by itself. If it does not, close it and return to:',
  },
} as const satisfies Record<string, Words | Record<string, Words>>
