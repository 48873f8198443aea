/** Refusals about mandates and acting for others (C12). */
import { entry } from './refusal-entry.ts'

export const mandateRefusals = {
  'mandate-unknown': entry(
    404,
    'citizen',
    'after-remedy',
    'この委任または承諾のコードはありません。すでに終わった委任かもしれません。',
    'コードを確かめ、委任した人に問い合わせてください。',
    'There is no such mandate or code; it may have ended.',
    'Check the code, or ask who gave the mandate.',
  ),
  'mandate-unproven': entry(
    403,
    'provider',
    'after-remedy',
    '委任の申出に、その法人の在任中の代表者の有効な署名がありません。',
    '登記された代表者の電子証明書で署名して送り直してください。',
    'The statement carries no valid signature of a representative in office of that corporation.',
    'Have a registered representative sign it with the registrar’s certificate and send it again.',
  ),
  'mandate-too-wide': entry(
    422,
    'citizen',
    'never',
    '委任された範囲を超えて、さらに委任することはできません。',
    '示された項目を、もとの委任の範囲に収めてください。',
    'A power cannot be handed on further than it reaches.',
    'Keep the named item within the mandate that it comes from.',
  ),
  'delegate-mismatch': entry(
    403,
    'citizen',
    'after-remedy',
    'カードの氏名・住所・生年月日が、書かれている人のものと一致すると確認できません。',
    '宛てられた本人のカードを使うか、書いた人に訂正を依頼してください。',
    'Name, address or birth date of the card are not certainly those of the person named.',
    'Use the card of the person it is meant for, or have who wrote it correct it.',
  ),
  'register-unreachable': entry(
    503,
    'operator',
    'later',
    '法人の登記を今は確認できません。何も認めていません。',
    'しばらくしてからやり直してください。',
    'The register of companies cannot be asked now. Nothing was accepted.',
    'Try again in a moment.',
  ),
  'standing-unproven': entry(
    403,
    'citizen',
    'after-remedy',
    '送られた書類は、公的機関が署名した有効なものと確認できません。',
    '発行した機関の署名が付いた書類をそのまま送ってください。',
    'The document is not proven to be signed by a public office.',
    'Send the document as the office signed it.',
  ),
} as const
