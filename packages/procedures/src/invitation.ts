/**
 * Partners whom people name beforehand, and the invitation when something about them changed (D3, flows.md §13 ①②): the platform knows that the signature
 * certificate ended while the person lives, and not what changed. Nobody but the person hears of it.
 */
import { postMessage } from '@sekisho/mailbox'
import { certificatesOf, meaningNow } from '@sekisho/platform/room'
import type { Transaction } from '@sekisho/runtime/store'
import type { CaseWorld, Tables } from './case.ts'
import { home } from './page.ts'

/** Names a partner, or takes that back. */
export async function agree(
  tx: Transaction<Tables>,
  world: CaseWorld,
  given: { readonly personId: string; readonly providerId: string; readonly isAgreed: boolean },
): Promise<void> {
  const { personId, providerId } = given
  await tx
    .deleteFrom('procedure_agreement')
    .where('person_id', '=', personId)
    .where('provider_id', '=', providerId)
    .execute()
  if (given.isAgreed)
    await tx
      .insertInto('procedure_agreement')
      .values({ person_id: personId, provider_id: providerId, agreed_at: world.clock.now() })
      .execute()
}

/**
 * Invites those of these people who have named partners and whose newest signature certificate ended by a change. One invitation a certificate,
 * in the transaction in which the change is swept.
 */
export async function inviteChanged(
  tx: Transaction<Tables>,
  world: CaseWorld,
  people: readonly string[],
): Promise<void> {
  const rows = await tx
    .selectFrom('procedure_agreement')
    .select('person_id')
    .distinct()
    .where('person_id', 'in', [...people])
    .execute()
  for (const { person_id: personId } of rows) {
    const certificates = await certificatesOf(tx, personId)
    const certificateId = certificates.find(each => each.kind === 'signature')?.id
    if (certificateId === undefined) continue
    const { meaning } = await meaningNow(tx, world, { personId, certificateId })
    if (meaning !== 'ask-for-update') continue
    const invited = await tx
      .insertInto('procedure_invitation')
      .values({ person_id: personId, certificate_id: certificateId, invited_at: world.clock.now() })
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst()
    if (invited.numInsertedOrUpdatedRows !== 1n) continue
    await postMessage(tx, world, {
      from: { kind: 'system', name: 'procedures' },
      to: { kind: 'person', personId },
      kind: 'notice',
      subject: '引越しや氏名の変更をしましたか',
      body: `署名用電子証明書が、登録内容の変更により失効しました。引越しをした場合は、登録してある知らせ先に、まとめて住所の変更を申し込めます。\n\n${world.issuer}${home}/start/moving`,
      documents: [],
      key: `moving-invitation/${certificateId}`,
    })
  }
}
