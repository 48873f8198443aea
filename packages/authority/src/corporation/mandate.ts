/**
 * Mandates 電子委任状 (C12): a representative signs whom the corporation empowers to what, and the accredited CA certifies the delegate. The CA trusts
 * its own root alone: it finds the representative over the bridge, as every relying party does.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import {
  type MandateApplication,
  mandateApplication,
  mandateProofText,
} from '@sekisho/contract/authority'
import {
  type Certificate,
  importPublicKey,
  KeyCache,
  MalformedError,
  mandateName,
  parseCertificate,
  parseSignedData,
  readRegisteredCorporation,
  validateCms,
} from '@sekisho/pki'
import { extension, generalName } from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { OtherTables } from '../other-ca/database.ts'
import { issueHolder } from '../other-ca/issue.ts'
import { policyOf, subjectOf } from '../other-ca/kind.ts'
import { readCross, readOtherList } from '../other-ca/publication.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import {
  type Corporation,
  lockOpenCorporation,
  type Representative,
  representativeOf,
} from './corporation.ts'

/** How old an application may be, and how far its clock may be ahead. */
const ageMaxMs = 24 * 3600 * 1000

/**
 * Certifies the delegate of a signed application. The same application gets the same certificate. Refusals: `request-malformed`;
 * `mandate-unauthorised` unless a representative in office, of the corporation named, signed it with a certificate in force;
 * `corporation-closed`.
 */
export async function grantMandate(world: OtherWorld, cms: Uint8Array): Promise<Certificate> {
  const at = world.clock.now()
  const application = readApplication(cms)
  checkProof(application)
  if (Math.abs(at - Date.parse(application.at)) > ageMaxMs) {
    throw new Refusal('request-malformed', { fields: 'at' })
  }
  const signer = await judgeSigner(world, cms, at)
  const said = readRegisteredCorporation(signer)
  if (said?.registeredNumber !== application.corporation.slice(1)) {
    throw new Refusal('mandate-unauthorised')
  }
  const digest = createHash('sha256').update(cms).digest('hex')
  return world.store.transaction(async tx => {
    const corporation = await lockOpenCorporation(tx, application.corporation)
    const granted = await tx
      .selectFrom('other_certificate')
      .select('der')
      .where('application', '=', digest)
      .executeTakeFirst()
    if (granted !== undefined) return parseCertificate(granted.der)
    const mandator = await mandatorOf(tx, signer, corporation.number)
    const spki = Buffer.from(application.publicKey, 'base64')
    return certifyDelegate(tx, world, { ...application, spki, digest, corporation, mandator }, at)
  })
}

/** Certifies a delegate by a mandate that has been looked at. */
export function certifyDelegate(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'cas' | 'random'>,
  given: Pick<MandateApplication, 'delegate' | 'scope' | 'isSubdelegable' | 'months'> & {
    readonly corporation: Corporation
    readonly mandator: Representative
    readonly spki: Uint8Array
    /** SHA-256 of the application, in hexadecimal. */
    readonly digest: string | undefined
  },
  at: Instant,
): Promise<Certificate> {
  const { corporation, mandator, delegate } = given
  const mandate = mandateName({
    corporateNumber: corporation.number,
    corporation: corporation.name,
    headOffice: corporation.head_office,
    mandator: { name: mandator.name, title: mandator.title },
    scope: given.scope,
    isSubdelegable: given.isSubdelegable,
  })
  const { name, address, unit, title } = delegate
  return issueHolder(tx, world, {
    kind: 'mandate',
    subject: subjectOf('mandate', [corporation.name, unit, title, address, name]),
    extensions: [extension.subjectAltName([generalName.directory(mandate)])],
    spki: given.spki,
    notBefore: at,
    months: given.months,
    corporation: corporation.number,
    representativeId: mandator.id,
    application: given.digest,
  })
}

function readApplication(cms: Uint8Array): MandateApplication {
  try {
    const { content } = parseSignedData(cms)
    if (content === undefined) throw new Refusal('request-malformed', { fields: 'content' })
    const parsed = mandateApplication.safeParse(JSON.parse(new TextDecoder().decode(content)))
    if (parsed.success) return parsed.data
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof SyntaxError)) throw error
  }
  throw new Refusal('request-malformed', { fields: 'content' })
}

// Nobody has a key certified under a delegate's name that the delegate does not have.
function checkProof(application: MandateApplication): void {
  try {
    const key = importPublicKey(Buffer.from(application.publicKey, 'base64'))
    const text = new TextEncoder().encode(mandateProofText(application))
    const isLarge = key.facts.kind === 'rsa' && key.facts.bits >= 2048
    const proof = Buffer.from(application.proof, 'base64')
    if (isLarge && key.verify('rsa-sha256', text, proof)) return
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
  }
  throw new Refusal('request-malformed', { fields: 'proof' })
}

/** The certificate of the one signer, when everything about it is good. */
async function judgeSigner(world: OtherWorld, cms: Uint8Array, at: Instant): Promise<Certificate> {
  const lists = await Promise.all(
    (['accredited', 'bridge', 'registrar'] as const).map(id => readOtherList(world, id)),
  )
  const { verdict } = validateCms({
    cms,
    content: undefined,
    level: 'cms',
    at,
    anchors: [world.cas.accredited.certificate],
    certificates: (await readCross(world)).map(({ der }) => parseCertificate(der)),
    revocation: { kind: 'crls', lists: lists.flatMap(each => each ?? []) },
    rules: {
      kind: 'standard',
      policies: {
        acceptable: [policyOf('accredited', 'representative')],
        isExplicitRequired: true,
        isMappingInhibited: false,
        isAnyInhibited: true,
      },
      purpose: undefined,
    },
    timeStamps: undefined,
    keys: new KeyCache(16),
  })
  const [signer, ...others] = verdict.kind === 'passed' ? verdict.value : []
  if (signer === undefined || others.length > 0) throw new Refusal('mandate-unauthorised')
  return signer.certificate
}

// By the record, not by the name: two representatives may have the same. It tells too what no list tells yet.
async function mandatorOf(tx: Transaction<OtherTables>, signer: Certificate, corporation: string) {
  const row = await tx
    .selectFrom('other_certificate')
    .select('representative_id')
    .where('ca', '=', 'registrar')
    .where('serial', '=', signer.serialHex)
    .where('state', '=', 'valid')
    .executeTakeFirst()
  if (row === undefined || row.representative_id === null) throw new Refusal('mandate-unauthorised')
  return representativeOf(tx, corporation, row.representative_id)
}
