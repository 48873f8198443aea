/** The dangerous acts of this platform: what two people of the staff can do together (C8). */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { decisionWorld, peopleBodies } from '../api/people-admin.ts'
import { askErasure, endHold, type RetentionWorld } from '../controls/retention.ts'
import { entries } from '../entry.ts'
import { addAnchor } from '../evidence/anchor.ts'
import type { RevocationKeeper } from '../evidence/revocation.ts'
import type { Trust } from '../evidence/trust.ts'
import { correctStatement, providersBilled } from '../fees/statement.ts'
import { adoptTariff } from '../fees/tariff-book.ts'
import { admitService, returnService } from '../onboarding/application.ts'
import { ownProviderId, setProviderState } from '../providers/registry.ts'
import { mergePeople, splitPerson, undoDecision } from '../people/decision.ts'
import { actKind, type ActKind } from '../staff/act.ts'
import { inviteMember, invitation, retireMember } from '../staff/member.ts'
import type { World } from '../world.ts'

/** What acts reach besides the world. */
export type Reached = {
  readonly trust: Trust
  readonly keeper: RevocationKeeper
  readonly mode: 'town' | 'production'
  readonly retention: RetentionWorld
  /** Has another key sign ID tokens after so many milliseconds; its name. */
  rotateTokenKey(leadMs: number): Promise<string>
}

const provider = z.strictObject({ id: z.string().max(63) })
const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/)
const tariff = z.string().max(63)

/** The kinds by name. A name is kept with what was done and never changes its meaning. */
export function actKinds(world: World, reached: Reached): Readonly<Record<string, ActKind>> {
  return {
    'provider-suspend': actKind({
      right: 'manage-providers',
      ja: '提供者を停止する',
      en: 'Suspend a provider',
      body: provider,
      subject: ({ id }) => id,
      run: async ({ id }) => setProviderState(world.store, id, 'suspended').then(nothing),
    }),
    'provider-resume': actKind({
      right: 'manage-providers',
      ja: '提供者の停止を解く',
      en: 'Lift the suspension of a provider',
      body: provider,
      subject: ({ id }) => id,
      run: async ({ id }) => setProviderState(world.store, id, 'active').then(nothing),
    }),
    'provider-admit': actKind({
      right: 'manage-providers',
      ja: '提供者の本番の利用を認める',
      en: 'Admit a provider to production',
      body: provider,
      subject: ({ id }) => id,
      run: async ({ id }) => admitService(world, id, reached.mode).then(nothing),
    }),
    'provider-return': actKind({
      right: 'manage-providers',
      ja: '提供者の申込みを差し戻す',
      en: 'Return the application of a provider',
      body: z.strictObject({ id: z.string().max(63), remark: z.string().min(1).max(500) }),
      subject: ({ id }) => id,
      run: async ({ id, remark }) => returnService(world, id, remark).then(nothing),
    }),
    'tariff-adopt': actKind({
      right: 'manage-fees',
      ja: '料金表を適用する',
      en: 'Adopt a tariff',
      body: z.strictObject({ tariff, month }),
      subject: body => `${body.tariff} ${body.month}`,
      run: async body => adoptTariff(world, body).then(nothing),
    }),
    'statements-correct': actKind({
      right: 'manage-fees',
      ja: '明細を訂正する',
      en: 'Correct statements',
      body: z.strictObject({ month, tariff, reason: z.string().min(1).max(200) }),
      subject: body => `${body.month} ${body.tariff}`,
      run: async body => {
        for (const id of await providersBilled(world.store, body.month))
          await correctStatement(world, id, body)
        return undefined
      },
    }),
    'person-erase': actKind({
      right: 'manage-people',
      ja: '本人の申出により、個人に関する記録を消す',
      en: "Erase a person's content at their wish",
      body: z.strictObject({ personId: z.uuid() }),
      subject: ({ personId }) => personId,
      run: async ({ personId }) => askErasure(reached.retention, personId).then(nothing),
    }),
    'hold-end': actKind({
      right: 'manage-controls',
      ja: '法的保全を終える',
      en: 'End a legal hold',
      body: z.strictObject({ hold: z.uuid() }),
      subject: ({ hold }) => hold,
      run: async ({ hold }) => endHold(reached.retention, hold, 'console').then(nothing),
    }),
    'token-key-rotate': actKind({
      right: 'manage-keys',
      ja: 'IDトークンの鍵を替える',
      en: 'Change the key of ID tokens',
      body: z.strictObject({ leadHours: z.coerce.number().int().min(0).max(2160) }),
      subject: ({ leadHours }) => `${leadHours} h`,
      run: ({ leadHours }) => reached.rotateTokenKey(leadHours * 3600 * 1000),
    }),
    'anchor-add': actKind({
      right: 'manage-keys',
      ja: '認証局の証明書を信頼に加える',
      en: 'Trust one more CA certificate',
      body: z.strictObject({ certificate: z.base64().max(16_384) }),
      subject: () => 'CA',
      run: async ({ certificate }) => {
        const der = new Uint8Array(Buffer.from(certificate, 'base64'))
        return (await takeAnchor(world, reached, der)).sha256
      },
    }),
    ...peopleActs(world),
    'staff-invite': actKind({
      right: 'manage-staff',
      ja: '担当者を招待する、または役割を変える',
      en: 'Invite somebody of the staff, or change roles',
      body: invitation,
      subject: ({ id, roles }) => `${id}: ${roles.join(', ')}`,
      run: async given => (await inviteMember(world, given, world.clock.now())).enrolment,
    }),
    'staff-retire': actKind({
      right: 'manage-staff',
      ja: '担当者を外す',
      en: 'Retire somebody of the staff',
      body: z.strictObject({ id: z.string().max(31) }),
      subject: ({ id }) => id,
      run: async ({ id }) => retireMember(world, id).then(nothing),
    }),
  }
}

function peopleActs(world: World): Readonly<Record<string, ActKind>> {
  const deciders = decisionWorld(world)
  return {
    'people-merge': actKind({
      right: 'manage-people',
      ja: '二つの登録を一つにまとめる',
      en: 'Bring two registrations together',
      body: peopleBodies.merge,
      subject: ({ personId, otherId }) => `${personId} ← ${otherId}`,
      run: async body => (await mergePeople(deciders, body)).decision,
    }),
    'people-split': actKind({
      right: 'manage-people',
      ja: '一つの登録を二つに分ける',
      en: 'Take a registration apart',
      body: peopleBodies.split,
      subject: ({ personId }) => personId,
      run: async body => (await splitPerson(deciders, body)).personId,
    }),
    'people-undo': actKind({
      right: 'manage-people',
      ja: '登録の統合または分割を取り消す',
      en: 'Undo the bringing together or taking apart of registrations',
      body: peopleBodies.undo,
      subject: ({ decision }) => decision,
      run: async body => undoDecision(deciders, body).then(nothing),
    }),
  }
}

/** Trusts one more CA certificate, tells the ledger, and takes over what its CA published. Refusals of `addAnchor`. */
export async function takeAnchor(
  world: World,
  { trust, keeper }: Pick<Reached, 'trust' | 'keeper'>,
  der: Uint8Array,
): Promise<{ readonly sha256: string }> {
  const added = await addAnchor({ ...world, trust }, der, async (tx, sha256) => {
    await world.ledger.record(tx, entries['platform.anchor-added'], {
      at: world.clock.now(),
      providerId: ownProviderId,
      personId: undefined,
      values: { sha256 },
    })
  })
  await keeper.refresh()
  return added
}

/** The body of an act as a form gives it: what is empty is left out, `roles` are several. */
export function bodyOfForm(form: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(form)) {
    if (name === 'kind' || name === 'reason' || value === '') continue
    if (name === 'roles') body[name] = Array.isArray(value) ? value : [value]
    else if (name === 'certificate') body[name] = pemBody(String(value))
    else body[name] = value
  }
  return body
}

/** The base64 text of a PEM file, or what was given. */
function pemBody(text: string): string {
  const armoured = /-----BEGIN CERTIFICATE-----([\s\S]{1,16384})-----END CERTIFICATE-----/.exec(
    text,
  )
  if (text.includes('-----') && armoured === null)
    throw new Refusal('request-malformed', { field: 'certificate' })
  return (armoured?.[1] ?? text).replaceAll(/\s/g, '')
}

function nothing(): undefined {
  return undefined
}
