/** What a corporation's representative states: mandates given and revoked (C12; 取扱事業者記録ファイル方式). */
import {
  mandateGrant,
  type MandateOffered,
  mandateRevocation,
  type MandateTerms,
  Refusal,
} from '@sekisho/contract'
import type { Store } from '@sekisho/runtime/store'
import type { HolderFacts } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import {
  corporationKey,
  endMandate,
  findMandate,
  type MandateWorld,
  offerMandate,
  type Tables,
} from './mandate.ts'
import { type CompanyRegister, existedAt, inOffice } from './register.ts'
import { readStatement } from './statement.ts'

/** What statements are taken with. */
export type GrantWorld = MandateWorld &
  Pick<World, 'fileJudge'> & {
    readonly store: Store<Tables>
    readonly register: CompanyRegister
  }

/** How old a statement may be, and how far its clock may be ahead. */
const ageMaxMs = 24 * 3600 * 1000

/** Longest mandate: five years, as a certificate that carries one. */
const termMaxMs = 5 * 366 * 24 * 3600 * 1000

/**
 * Takes a signed `MandateGrant`. The same file again gives the same mandate. Refusals `request-malformed`, `mandate-unproven` unless a
 * representative in office signed it, `register-unreachable`.
 */
export async function takeGrant(world: GrantWorld, cms: Uint8Array): Promise<MandateOffered> {
  const { content, holder, sha256 } = await readStatement(world, cms, {
    schema: mandateGrant,
    signers: 'representative',
    unproven: 'mandate-unproven',
  })
  if (content.method !== 'operator-file') throw malformed('method')
  assertFresh(world, content.at)
  assertTerms(content, world.clock.now())
  const company = await assertInOffice(world, holder, content.corporation)
  const { acts, from, until, subdelegations } = content
  const { row, code } = await world.store.transaction(tx =>
    offerMandate(tx, world, {
      parentId: null,
      kind: 'corporate',
      mandator: corporationKey(content.corporation),
      terms: { acts, from, until, subdelegations },
      parties: {
        mandator: { name: holder.name, title: holder.title, corporation: company },
        delegate: content.delegate,
      },
      grantSha256: sha256,
      givenBy: undefined,
    }),
  )
  return {
    id: row.id,
    state: row.state,
    until: row.terms.until,
    ...(code === undefined ? {} : { acceptanceCode: code }),
  }
}

/** Takes a signed revocation: at once, with all that was handed on. Refusals as of a grant, and `mandate-unknown` for another corporation's. */
export async function takeRevocation(
  world: GrantWorld,
  cms: Uint8Array,
): Promise<{ readonly ended: number }> {
  const { content, holder } = await readStatement(world, cms, {
    schema: mandateRevocation,
    signers: 'representative',
    unproven: 'mandate-unproven',
  })
  assertFresh(world, content.at)
  await assertInOffice(world, holder, content.corporation)
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const { row } = await findMandate(tx, world, content.mandate)
    if (row.mandator !== corporationKey(content.corporation)) throw new Refusal('mandate-unknown')
    return { ended: await endMandate(tx, world, row.id, { cause: 'revoked', at }) }
  })
}

/** Refusal `request-malformed` for terms that end before they begin, have ended, or last too long. */
export function assertTerms({ from, until }: MandateTerms, at: number): void {
  const [begins, ends] = [Date.parse(from), Date.parse(until)]
  if (ends <= begins || ends <= at || ends - begins > termMaxMs) throw malformed('until')
}

async function assertInOffice(world: GrantWorld, holder: HolderFacts, corporation: string) {
  const at = world.clock.now()
  const found = await world.register.read(corporation)
  const isOfIt = holder.corporation?.number === corporation
  const who = { name: holder.name, title: holder.title ?? '' }
  if (!isOfIt || found === undefined || !existedAt(found, at) || !inOffice(found, who, at))
    throw new Refusal('mandate-unproven')
  return { name: found.name, headOffice: found.headOffice }
}

function assertFresh({ clock }: GrantWorld, at: string): void {
  if (Math.abs(clock.now() - Date.parse(at)) > ageMaxMs) throw malformed('at')
}

function malformed(fields: string): Refusal {
  return new Refusal('request-malformed', { fields })
}
