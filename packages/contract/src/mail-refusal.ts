/** Refusals about the P.O. box (C11). */
import { entry } from './refusal-entry.ts'

export const mailRefusals = {
  'mailbox-unknown': entry(
    404,
    'provider',
    'after-remedy',
    '宛先の私書箱がありません。',
    '宛先を確かめてください。',
    'The addressee has no box.',
    'Check the address.',
  ),
  'mailbox-full': entry(
    409,
    'citizen',
    'later',
    '宛先の私書箱がいっぱいです。メッセージは届いていません。',
    '空きができてから、同じキーで送り直してください。',
    'The addressee’s box is full. The message was not delivered.',
    'Send it again under the same key once there is room.',
  ),
  'mailbox-taken': entry(
    409,
    'operator',
    'after-remedy',
    'このサービスはすでに別の私書箱を使っているか、この団体の私書箱がすでにあります。',
    'どちらの私書箱を使うかを決めてください。',
    'This provider acts for another box already, or this organisation has one beside it.',
    'Decide which of the boxes is to be used.',
  ),
  'mail-limit': entry(
    429,
    'provider',
    'later',
    '今日送れるメッセージの数を超えました。',
    '明日、同じキーで送り直してください。',
    'More messages than may be sent in a day.',
    'Send it again tomorrow, under the same key.',
  ),
  'message-unknown': entry(
    404,
    'provider',
    'never',
    'メッセージがありません。期限が過ぎたか、取り消されたか、消去されています。',
    'メッセージの番号を確かめてください。',
    'There is no such message: it may have expired, been withdrawn or erased.',
    'Check its id.',
  ),
  'message-finished': entry(
    409,
    'provider',
    'never',
    'メッセージはすでに読まれたか、終わっているため、取り消せません。',
    '必要なら、あらためてメッセージを送ってください。',
    'The message was read or has ended, and cannot be withdrawn.',
    'Send another message if need be.',
  ),
} as const
