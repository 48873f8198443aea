/** Certificates about corporations: of representatives, from what the register says on the day. */
import type { Certificate } from '@sekisho/pki'
import {
  privateKeyUsageExtension,
  registeredCorporationExtension,
  registrarExtension,
} from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { OtherTables } from '../other-ca/database.ts'
import { issueHolder } from '../other-ca/issue.ts'
import { subjectOf } from '../other-ca/kind.ts'
import { endAfterMonths } from '../other-ca/validity.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import { lockOpenCorporation, representativeOf } from './corporation.ts'

/** Whom to certify, with which key, for how many months. */
export type RepresentativeRequest = {
  readonly corporation: string
  readonly representative: string
  readonly spki: Uint8Array
  /** 3 to 27 in steps of three. */
  readonly months: number
}

/** A representative's certificate. Refusals `corporation-unknown`, `corporation-closed`; `LintFault` for months that are none. */
export async function certifyRepresentative(
  tx: Transaction<OtherTables>,
  world: Pick<OtherWorld, 'cas' | 'random'>,
  request: RepresentativeRequest,
  at: Instant,
): Promise<Certificate> {
  const corporation = await lockOpenCorporation(tx, request.corporation)
  const own = await representativeOf(tx, request.corporation, request.representative)
  return issueHolder(tx, world, {
    kind: 'representative',
    subject: subjectOf('representative', [corporation.name_romaji, own.name_romaji]),
    extensions: [
      privateKeyUsageExtension(at, endAfterMonths(at, request.months)),
      registrarExtension('見本法務局登記官'),
      registeredCorporationExtension({
        name: corporation.name,
        registeredNumber: corporation.number.slice(1),
        headOffice: corporation.head_office,
        representative: own.name,
        title: own.title,
        registryOffice: '見本法務局',
      }),
    ],
    spki: request.spki,
    notBefore: at,
    months: request.months,
    corporation: corporation.number,
    representativeId: own.id,
  })
}
