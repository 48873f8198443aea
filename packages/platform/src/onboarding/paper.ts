/** The two papers of an application (C6): the contract, and the operator's notification to the minister that it was entrusted. */
import type { Instant } from '@sekisho/runtime/clock'
import { dateInJapan } from '@sekisho/contract/japan'
import { beginPaper, paperMargin, paperWidth, type Pen } from '../paper/paper.ts'
import type { Typeface } from '../paper/typeface.ts'
import type { Account } from './account.ts'
import { type Application, contractVersion } from './application.ts'

type PaperFacts = {
  readonly application: Application
  readonly account: Account
  readonly issuer: string
  readonly at: Instant
}

/** The contract between operator and firm, as it stands now. */
export async function contractPaper(typeface: Typeface, facts: PaperFacts): Promise<Uint8Array> {
  const { application, account, issuer } = facts
  const { metadata } = application
  return paper(typeface, facts, `署名検証業務の委託に関する契約書 第${contractVersion}版`, [
    `委託者(サービスプロバイダ事業者): ${account.company}(法人番号 ${account.corporateNumber})`,
    `受託者(プラットフォーム事業者): ${issuer}`,
    `サービス: ${metadata.client_name}(識別子 ${metadata.client_id})`,
    `利用目的: ${metadata.sekisho_purpose}`,
    `提供を受ける情報と機能の範囲: ${metadata.scope}`,
    '第1条 受託者は、委託者に代わり、電子証明書の受領、有効性の確認、署名の検証と、その記録の保管を行う。',
    '第2条 受託者は、電子証明書、その発行番号、失効に関する情報を委託者に渡さない。委託者が受け取るのは、利用者が同意した情報、このサービスのためだけの利用者の識別子、検証の結果である。',
    '第3条 委託者は、利用目的の範囲を超えて情報を用いず、他の事業者の持つ識別子と突き合わせない。',
    '第4条 利用者は、いつでも同意を撤回できる。撤回の後、委託者は変更の確認を受けられない。',
    '第5条 受託者は、料金表に定める認証局手数料と基盤利用料を、毎月の明細により請求する。',
    '第6条 範囲を超える要求、鍵の漏えい、または法令違反の疑いがあるとき、受託者は二人の担当者の決定により、直ちに利用を停止できる。',
    '第7条 委託者は、鍵を他に渡さず、漏えいのおそれがあるときは直ちに受託者に知らせ、鍵を取り替える。',
    '第8条 この契約の変更は、版を改めて示し、委託者が受け入れた時から効力を持つ。',
  ])
}

/** What the operator tells the minister: whom it verifies for, and what. */
export async function notificationPaper(
  typeface: Typeface,
  facts: PaperFacts,
): Promise<Uint8Array> {
  const { application, account, issuer } = facts
  const { metadata, facts: told } = application
  return paper(typeface, facts, '署名検証業務の委託を受けた旨の届出書', [
    '総務大臣 殿',
    `届出者(署名検証者): ${issuer}`,
    `委託者の名称: ${account.company}`,
    `委託者の法人番号: ${account.corporateNumber}`,
    `委託者の所在地: ${told?.address ?? '(未記入)'}`,
    `委託者の責任者: ${told?.officer ?? '(未記入)'}`,
    `連絡先: ${told?.contact ?? '(未記入)'}`,
    `サービスの名称: ${metadata.client_name}`,
    `利用目的: ${metadata.sekisho_purpose}`,
    `取り扱う電子証明書の範囲: ${metadata.scope}`,
    `失効情報の確認方法: ${metadata.sekisho_revocation === 'crl' ? '失効リスト(CRL)' : 'オンライン照会(OCSP)'}`,
    `受託の開始予定日: ${told?.begins ?? '(未記入)'}`,
    `契約書の版: ${contractVersion}`,
  ])
}

async function paper(
  typeface: Typeface,
  facts: PaperFacts,
  title: string,
  paragraphs: readonly string[],
): Promise<Uint8Array> {
  const { pen, finish } = beginPaper(typeface, { title, author: facts.issuer, at: facts.at })
  const { year, month, day } = dateInJapan(facts.at)
  await pen.write(title, { x: paperMargin, y: 50, size: 15 })
  await pen.write(`${year}年${month}月${day}日`, {
    x: paperMargin,
    y: 80,
    size: 10,
    rightOf: paperWidth,
  })
  await body(pen, paragraphs)
  return finish()
}

async function body(pen: Pen, paragraphs: readonly string[]): Promise<void> {
  let y = 110
  for (const text of paragraphs)
    y = (await pen.flow(text, { x: paperMargin, y, size: 10.5, width: paperWidth })) + 6
}
