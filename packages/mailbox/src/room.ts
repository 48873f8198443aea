/** The mailbox as a room of the platform (C11, ADR 0012). */
import { join } from 'node:path'
import { mailUploadBytesMax } from '@sekisho/contract'
import {
  addUploadRoutes,
  createUploads,
  type Ground,
  type OpenRoom,
  type Room,
  roomStore,
  type World,
} from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import type { StreamAddress } from '@sekisho/runtime/net'
import type { Store } from '@sekisho/runtime/store'
import { addMailApi, mailExamples } from './api.ts'
import { mailCommands } from './admin.ts'
import { carryDue } from './carrier.ts'
import { runBulk } from './bulk.ts'
import { createCheck, type ScanRule } from './check.ts'
import { addContactScreen } from './contact-screen.ts'
import { createDocuments } from './document.ts'
import { entries } from './entry.ts'
import { expireDue } from './life.ts'
import { eraseDue, type MailRetention, plainMailRetention } from './retention.ts'
import { clamScanner } from './scanner.ts'
import { addMailScreens, type Screens, waitingFor } from './screen.ts'
import { createPoster } from './sender.ts'
import { createMailer, type SmtpSettings } from './mailer.ts'
import { sendNotices } from './notice.ts'
import { addOpeningScreen } from './opening-screen.ts'
import { personHome } from './page.ts'
import type { MailTables } from './post.ts'
import { mailboxMigrations } from './table.ts'
import { createVault, type Vault } from './vault.ts'
import { words } from './word.ts'

/** What a mailbox needs. */
export type MailboxSettings = {
  /** Folder (0700) for large documents and uploads; nodes share it. */
  readonly folder: string
  /**
   * The daemon that looks through documents for malware, and what becomes of those it finds too large; undefined: the operator runs none. While
   * it cannot be reached nothing that has documents is delivered.
   */
  readonly scanner?:
    | ({ readonly at: StreamAddress } & Pick<ScanRule, 'bytesMax' | 'tooLarge'>)
    | undefined
  /** What corporations have entrusted to people, by mandates; undefined: boxes of organisations have registered members alone. */
  readonly entrusted?: ((world: World) => Screens['actsOf']) | undefined
  /** The server through which people are told that something came; undefined: nobody is told. */
  readonly smtp?: SmtpSettings | undefined
  /** How long messages are kept; undefined: `plainMailRetention`. */
  readonly retention?: readonly MailRetention[] | undefined
}

/** Makes the room. */
export function mailboxRoom(settings: MailboxSettings): Room {
  return {
    migrations: mailboxMigrations,
    entries,
    examples: mailExamples,
    open: ground => openMailbox(ground, settings),
  }
}

function openMailbox(ground: Ground, settings: MailboxSettings): OpenRoom {
  const { world } = ground
  const store = roomStore<MailTables>(world)
  const vault = createVault({ folder: join(settings.folder, 'files'), random: world.random })
  const uploads = createUploads({
    folder: join(settings.folder, 'incoming'),
    random: world.random,
    bytesMax: mailUploadBytesMax,
  })
  addUploadRoutes(ground.app, uploads, ground.authorise, {
    path: '/v1/mail/uploads',
    scope: 'mail',
    bytesMax: mailUploadBytesMax,
  })
  const documents = createDocuments({ world, store, vault, uploads })
  const { scanner } = settings
  const scanning = scanner && { ...scanner, scan: clamScanner(scanner.at) }
  const check = createCheck({ world, store, vault, scanning })
  const carry = async (): Promise<void> => void (await carryDue(world, store, check))
  const post = createPoster(world, store)
  const parts = { world, store, post, documents, vault, uploads, carry }
  addMailApi(ground, parts)
  // Before the addresses of messages, which would take its own for an id.
  addOpeningScreen(ground, parts)
  const mailer = settings.smtp && createMailer(settings.smtp, `${world.issuer}${personHome}`)
  const telling = mailer && { world, store, mailer }
  if (telling !== undefined) addContactScreen(ground, telling)
  const actsOf = settings.entrusted?.(world) ?? (() => Promise.resolve(new Map()))
  addMailScreens(ground, { ...parts, actsOf, tells: telling !== undefined })
  const rules = settings.retention ?? plainMailRetention
  return {
    doorways: [
      {
        path: personHome,
        title: { ja: words.ja.title, en: words.en.title },
        lead: { ja: words.ja.lead, en: words.en.lead },
        waiting: personId => waitingFor(parts, personId),
      },
    ],
    rounds: [
      { everyMs: 1000, run: carry },
      {
        everyMs: 200,
        run: async () => void (await runBulk(parts)),
      },
      ...(telling === undefined
        ? []
        : [{ everyMs: 1000, run: async () => void (await sendNotices(telling)) }]),
      {
        everyMs: 1000,
        run: async () => {
          while ((await store.transaction(tx => expireDue(tx, world, roundMax))) === roundMax);
        },
      },
      {
        everyMs: 60_000,
        run: async () => {
          await eraseDue(world, store, rules, vault.remove)
          await uploads.sweep(protocolNow())
          await removeOrphans(store, vault)
          await forgetCounts(store, world.clock.now())
        },
      },
    ],
    commands: mailCommands(world, store),
    stop: () => {
      mailer?.close()
      return Promise.resolve()
    },
  }
}

/** A node that died between a file and its message, or between an erasure and the file's, left a file that nobody has. */
async function removeOrphans(store: Store<MailTables>, vault: Vault): Promise<void> {
  const files = await vault.before(protocolNow() - orphanAgeMs)
  for (let from = 0; from < files.length; from += askedAtOnce) {
    const some = files.slice(from, from + askedAtOnce)
    const rows = await store.read(async db => [
      ...(await db
        .selectFrom('mailbox_document')
        .select('file')
        .where('file', 'in', some)
        .execute()),
      ...(await db.selectFrom('mailbox_bulk').select('file').where('file', 'in', some).execute()),
    ])
    const known = new Set(rows.map(row => row.file))
    for (const file of some) if (!known.has(file)) await vault.remove(file)
  }
}

/** Days that were counted, and what became of the lines of files, are nobody's business for long. */
async function forgetCounts(store: Store<MailTables>, at: number): Promise<void> {
  await store.transaction(async tx => {
    await tx
      .deleteFrom('mailbox_sender_day')
      .where('day', '<', Math.floor(at / dayMs) - countsDays)
      .execute()
    // The job itself stays: its key names the same file for ever.
    await tx
      .deleteFrom('mailbox_bulk_line')
      .where('job_id', 'in', eb =>
        eb
          .selectFrom('mailbox_bulk')
          .select('id')
          .where('ended_at', '<', protocolNow() - resultsDays * dayMs),
      )
      .execute()
  })
}

const roundMax = 100
const dayMs = 24 * 3600 * 1000
const countsDays = 7
/** Long enough for a sender to fetch them. */
const resultsDays = 90
/** Longer than any call takes from the file to the commit. */
const orphanAgeMs = 24 * 3600 * 1000
const askedAtOnce = 500
