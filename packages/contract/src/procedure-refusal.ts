/** Refusals about procedures of several parties (C13). */
import { entry } from './refusal-entry.ts'

export const procedureRefusals = {
  'procedure-unknown': entry(
    404,
    'citizen',
    'never',
    'この手続または作業はありません。',
    '手続の一覧から選び直してください。',
    'There is no such procedure, case or task for you.',
    'Choose it from your list.',
  ),
  'task-closed': entry(
    409,
    'provider',
    'never',
    'この作業は、すでに終わったか、ほかの人が先に行いました。',
    '手続の状況を確かめてください。',
    'This task is done already, by somebody else perhaps, or has fallen away.',
    'See how the case stands.',
  ),
  'case-moved-on': entry(
    409,
    'provider',
    'later',
    'その間に手続が進みました。何も記録していません。',
    '最新の状況を確かめて、もう一度行ってください。',
    'The case has moved on meanwhile. Nothing was recorded.',
    'Look at it again and repeat what still applies.',
  ),
  'case-ended': entry(
    409,
    'citizen',
    'never',
    'この手続は終わっています。',
    '必要であれば、新しく申請してください。',
    'This case has ended.',
    'Apply anew if it is still needed.',
  ),
  'document-unproven': entry(
    422,
    'provider',
    'after-remedy',
    '送られた書類の署名または権限を確認できません。',
    '権限のある人の有効な署名を付けて送り直してください。',
    'The document’s signature or the signer’s authority is not proven.',
    'Have somebody with authority sign it and send it again.',
  ),
} as const
