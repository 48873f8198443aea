/** The companies and professionals of a town: plainly invented, registered at the first start, with certificates and key files. */
import { healthcareRolesExtension } from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { OtherTables } from '../other-ca/database.ts'
import { issueHolder } from '../other-ca/issue.ts'
import { type LeafKind, leafRules, subjectOf } from '../other-ca/kind.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import { certifyRepresentative } from './certificate.ts'
import { corporationOf, representativeOf } from './corporation.ts'
import { enter, register } from './event.ts'
import { writeHolderFile } from './holder-file.ts'
import { certifyDelegate } from './mandate.ts'

/** A company of the town; its key file is `<id>-representative`. */
type TownCompany = {
  readonly id: string
  /** The registry office 9999 does not exist. */
  readonly registeredNumber: string
  readonly name: string
  readonly nameRomaji: string
  readonly headOffice: string
  readonly representative: {
    readonly name: string
    readonly nameRomaji: string
    readonly title: string
  }
}

const companies: readonly TownCompany[] = [
  {
    id: 'bank',
    registeredNumber: '999901000001',
    name: '株式会社せきしょ銀行',
    nameRomaji: 'Sekisho Bank (specimen)',
    headOffice: '東京都千代田区見本町一丁目１番１号',
    representative: { name: '見本一郎', nameRomaji: 'Mihon Ichiro', title: '代表取締役' },
  },
  {
    id: 'hospital',
    registeredNumber: '999905000002',
    name: '医療法人見本会',
    nameRomaji: 'Mihonkai Hospital (specimen)',
    headOffice: '東京都新宿区架空町二丁目２番２号',
    representative: { name: '見本二葉', nameRomaji: 'Mihon Futaba', title: '理事長' },
  },
  {
    id: 'construction',
    registeredNumber: '999901000003',
    name: '見本建設株式会社',
    nameRomaji: 'Mihon Construction (specimen)',
    headOffice: '神奈川県鎌倉市見本台三丁目３番３号',
    representative: { name: '見本三郎', nameRomaji: 'Mihon Saburo', title: '代表取締役' },
  },
  {
    id: 'insurer',
    registeredNumber: '999901000004',
    name: '架空生命保険株式会社',
    nameRomaji: 'Kaku Life Insurance (specimen)',
    headOffice: '東京都千代田区架空町四丁目４番４号',
    representative: { name: '架空四季', nameRomaji: 'Kaku Shiki', title: '代表執行役' },
  },
]

const representativeMonths = 24
const otherMonths = 24

/**
 * Registers the companies and certifies their people unless that was done, all or nothing. Key files are written before the commit: a process that
 * dies in between leaves files that the next start replaces. While a CA is not in force nobody gets a certificate.
 */
export async function seedCorporations(world: OtherWorld): Promise<void> {
  const present = await world.store.read(db =>
    db.selectFrom('corporation').select('number').limit(1).executeTakeFirst(),
  )
  if (present !== undefined) return
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const numbers = new Map<string, { readonly number: string; readonly representative: string }>()
    for (const company of companies) numbers.set(company.id, await settle(tx, world, company, at))
    const construction = numbers.get('construction')
    if (construction !== undefined) await seedClerk(tx, world, construction, at)
    await seedOthers(tx, world, at)
  })
}

async function settle(
  tx: Transaction<OtherTables>,
  world: OtherWorld,
  company: TownCompany,
  at: Instant,
): Promise<{ readonly number: string; readonly representative: string }> {
  const number = await register(tx, world, company, at)
  const appointed = await enter(
    tx,
    world,
    number,
    { what: 'appoint', ...company.representative },
    at,
  )
  const { representative } = appointed
  if (representative === undefined) throw new Error('an appointment without representative')
  if (isIssuing(world, 'representative', at)) {
    const key = await world.holderKey()
    const certificate = await certifyRepresentative(
      tx,
      world,
      { corporation: number, representative, spki: key.spki, months: representativeMonths },
      at,
    )
    const label = `${company.name} ${company.representative.title} ${company.representative.name}`
    await writeHolderFile(world.holdersFolder, `${company.id}-representative`, {
      key,
      certificate,
      label,
    })
  }
  return { number, representative }
}

/** A clerk of the construction firm who may bid. */
async function seedClerk(
  tx: Transaction<OtherTables>,
  world: OtherWorld,
  company: { readonly number: string; readonly representative: string },
  at: Instant,
): Promise<void> {
  if (!isIssuing(world, 'mandate', at)) return
  const key = await world.holderKey()
  const delegate = {
    name: '見本五月',
    address: '神奈川県鎌倉市見本台五丁目５番５号',
    unit: '営業部',
    title: '主任',
  }
  const certificate = await certifyDelegate(
    tx,
    world,
    {
      delegate,
      scope: [
        { code: 'bid.submit', text: '入札に関する一切の件' },
        { code: 'contract.sign', text: '契約の締結に関する件' },
      ],
      isSubdelegable: false,
      months: 12,
      corporation: await corporationOf(tx, company.number),
      mandator: await representativeOf(tx, company.number, company.representative),
      spki: key.spki,
      digest: undefined,
    },
    at,
  )
  await writeHolderFile(world.holdersFolder, 'construction-clerk', {
    key,
    certificate,
    label: `見本建設株式会社 ${delegate.unit}${delegate.title} ${delegate.name}`,
  })
}

/** Those who are certified for themselves: a doctor, a private person, a municipal office. */
async function seedOthers(
  tx: Transaction<OtherTables>,
  world: OtherWorld,
  at: Instant,
): Promise<void> {
  const doctor = { codingScheme: healthcareScheme, code: undefined, text: 'Medical Doctor' }
  const wanted = [
    ['doctor', ['Mihonkai Hospital (specimen)', '999999', 'Mihon Mutsuki'], '医師 見本睦月'],
    ['person', ['東京都千代田区見本町七丁目７番７号', '見本七海'], '見本七海'],
    ['official', ['Specimen City', 'Mayor', 'Mayor of Specimen City'], '見本市長'],
  ] as const
  for (const [kind, values, label] of wanted) {
    if (!isIssuing(world, kind, at)) continue
    const key = await world.holderKey()
    const certificate = await issueHolder(tx, world, {
      kind,
      subject: subjectOf(kind, values),
      extensions: kind === 'doctor' ? [healthcareRolesExtension([doctor])] : [],
      spki: key.spki,
      notBefore: at,
      months: otherMonths,
    })
    await writeHolderFile(world.holdersFolder, kind, { key, certificate, label })
  }
}

function isIssuing(world: OtherWorld, kind: LeafKind, at: Instant): boolean {
  const { certificate } = world.cas[leafRules[kind].ca]
  const lasts = representativeMonths * 31 * 24 * 3600 * 1000
  return certificate.notBefore <= at && at + lasts <= certificate.notAfter
}

/** Coding scheme of the health PKI's roles (jpki.md §5.3, unverified). */
const healthcareScheme = '1.2.392.100495.1.6.1.1'
