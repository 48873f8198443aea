/**
 * What no program can see and an auditor asks for (認定基準): rules in force, who entered which room, partners outside, offices, officers'
 * declarations. Records are added and ended, never changed; each is in the ledger with its content's hash.
 */
import { Refusal } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { jsonb, type Store } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { ownProviderId } from '../providers/registry.ts'

const line = z.string().trim().min(1).max(120)
const day = z.iso.date()

/** The kinds of records with the fields of each, in the order in which a form asks for them. */
export const recordKinds = {
  rule: {
    ja: '規程',
    en: 'Rules',
    fields: {
      title: { ja: '名称', en: 'Title', shape: line },
      version: { ja: '版', en: 'Version', shape: line },
      sha256: {
        ja: '文書の SHA-256',
        en: 'SHA-256 of the document',
        shape: z.string().regex(/^[0-9a-f]{64}$/),
      },
      since: { ja: '施行日', en: 'In force since', shape: day },
    },
  },
  entry: {
    ja: '入退室',
    en: 'Entries into rooms',
    fields: {
      person: { ja: '入室者', en: 'Who', shape: line },
      room: { ja: '部屋', en: 'Room', shape: line },
      purpose: { ja: '目的', en: 'Purpose', shape: line },
      admittedBy: { ja: '許可した人', en: 'Admitted by', shape: line },
    },
  },
  'outside-party': {
    ja: '外部組織',
    en: 'Outside parties',
    fields: {
      name: { ja: '名称', en: 'Name', shape: line },
      service: { ja: '委託・利用の内容', en: 'What it does for us', shape: line },
      data: { ja: '触れる情報', en: 'Data it touches', shape: line },
      secrecySince: { ja: '秘密保持契約の日', en: 'Date of the secrecy agreement', shape: day },
      until: { ja: '契約の期限', en: 'Contract until', shape: day },
    },
  },
  duty: {
    ja: '情報セキュリティの体制',
    en: 'Security organisation',
    fields: {
      duty: { ja: '役割', en: 'Duty', shape: line },
      person: { ja: '担当者', en: 'Person', shape: line },
      deputy: { ja: '代理', en: 'Deputy', shape: line },
    },
  },
  officer: {
    ja: '役員等の宣誓',
    en: "Officers' declarations",
    fields: {
      title: { ja: '役職', en: 'Office', shape: line },
      declaredOn: {
        ja: '欠格事由がない旨の宣誓日',
        en: 'Declared not disqualified on',
        shape: day,
      },
      sha256: {
        ja: '宣誓書の SHA-256',
        en: 'SHA-256 of the declaration',
        shape: z.string().regex(/^[0-9a-f]{64}$/),
      },
    },
  },
} as const
export type RecordKind = keyof typeof recordKinds

/** Whether a text names a kind of record. */
export function isRecordKind(text: string): text is RecordKind {
  return Object.hasOwn(recordKinds, text)
}

/** A record as it is shown. */
export type ControlRecord = {
  readonly id: string
  readonly kind: RecordKind
  readonly body: Readonly<Record<string, string>>
  readonly by: string
  readonly at: number
  readonly endedAt: number | undefined
}

type RecordWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
  readonly ledger: Ledger
}

/** Adds a record. Refusal `request-malformed` with the field that is wrong. */
export async function addRecord(
  world: RecordWorld,
  kind: RecordKind,
  given: unknown,
  by: string,
): Promise<string> {
  const { fields } = recordKinds[kind]
  const shapes = Object.fromEntries(
    Object.entries(fields).map(([name, { shape }]) => [name, shape]),
  )
  const body = z.object(shapes).safeParse(given)
  if (!body.success)
    throw new Refusal('request-malformed', { field: body.error.issues[0]?.path.join('.') ?? '' })
  const now = world.clock.now()
  const id = world.random.uuidv7(now)
  await world.store.transaction(async tx => {
    await tx
      .insertInto('control_record')
      .values({ id, kind, body: jsonb(body.data), recorded_by: by, recorded_at: now })
      .execute()
    await note(world, tx, { record: id, kind, by, what: 'added', sha256: hashOf(body.data) })
  })
  return id
}

/** Ends a record. Refusal `not-found` when there is none that lasts. */
export async function endRecord(world: RecordWorld, id: string, by: string): Promise<void> {
  await world.store.transaction(async tx => {
    const row = await tx
      .updateTable('control_record')
      .set({ ended_at: world.clock.now(), ended_by: by })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .returning(['kind', 'body'])
      .executeTakeFirst()
    if (row === undefined) throw new Refusal('not-found')
    await note(world, tx, {
      record: id,
      kind: row.kind,
      by,
      what: 'ended',
      sha256: hashOf(row.body),
    })
  })
}

/** Records of a kind, newest first. */
export async function listRecords(
  store: Store<PlatformTables>,
  kind: RecordKind,
  limit = 1000,
): Promise<readonly ControlRecord[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('control_record')
      .selectAll()
      .where('kind', '=', kind)
      .orderBy('recorded_at', 'desc')
      .limit(limit)
      .execute(),
  )
  return rows.map(row => ({
    id: row.id,
    kind: row.kind,
    body: z.record(z.string(), z.string()).parse(row.body),
    by: row.recorded_by,
    at: row.recorded_at,
    endedAt: row.ended_at ?? undefined,
  }))
}

function note(
  world: RecordWorld,
  tx: Parameters<Ledger['record']>[0],
  values: {
    readonly record: string
    readonly kind: string
    readonly by: string
    readonly what: string
    readonly sha256: string
  },
): Promise<string> {
  return world.ledger.record(tx, entries['platform.control-recorded'], {
    at: world.clock.now(),
    providerId: ownProviderId,
    values,
  })
}

/** The database may keep members in another order. */
function hashOf(body: unknown): string {
  const members = Object.entries(z.record(z.string(), z.string()).parse(body))
  return sha256Hex(Buffer.from(JSON.stringify(members.sort(([a], [b]) => (a < b ? -1 : 1)))))
}
