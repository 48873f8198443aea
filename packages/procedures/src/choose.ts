/** Whom an applicant can choose for the roles of a procedure, and the parties that come of a choice. */
import { Refusal, spokenCode } from '@sekisho/contract'
import { isCorporateNumber } from '@sekisho/contract/japan'
import { listedBoxes } from '@sekisho/mailbox'
import { findProvider, listProviders, type Provider } from '@sekisho/platform/room'
import { type CaseWorld, codeHash, ownerText } from './case.ts'
import type { Definition, Role } from './definition.ts'
import type { Party } from './history.ts'
import type { Choice } from './page.ts'

type Owned = Choice & { readonly owner: Party['owner'] }

/** The choices of each role, for a person. */
export async function choicesFor(
  world: CaseWorld,
  definition: Definition,
  personId: string,
): Promise<Readonly<Record<string, readonly Owned[]>>> {
  const found: Record<string, readonly Owned[]> = {}
  for (const [id, role] of Object.entries(definition.roles))
    found[id] = await choicesOf(world, role, personId)
  return found
}

async function choicesOf(
  world: CaseWorld,
  role: Role,
  personId: string,
): Promise<readonly Owned[]> {
  if (role.chosen === 'agreed') {
    const agreed = await agreementsOf(world, personId)
    const providers = await Promise.all(agreed.map(id => findProvider(world.store, id)))
    return providers.flatMap(one => (one?.state === 'active' ? [ofProvider(one)] : []))
  }
  if (role.chosen !== 'box') return []
  const kinds = role.kinds.flatMap(kind =>
    kind === 'organisation' || kind === 'municipality' ? [kind] : [],
  )
  const boxes = await world.tables.read(db => listedBoxes(db, kinds))
  const listed = boxes.flatMap(({ owner, name }): Owned[] =>
    owner.kind === 'organisation' || owner.kind === 'municipality'
      ? [{ owner, name, value: ownerText(owner) }]
      : [],
  )
  return role.kinds.includes('provider')
    ? [...listed, ...(await partnersThere(world)).map(ofProvider)]
    : listed
}

/** Providers that take part in procedures by themselves. */
export async function partnersThere(world: CaseWorld): Promise<readonly Provider[]> {
  const all = await listProviders(world.store)
  return all.filter(one => one.state === 'active' && one.scopes.has('procedure'))
}

/** Partners whom a person has named beforehand. */
export async function agreementsOf(world: CaseWorld, personId: string): Promise<readonly string[]> {
  const rows = await world.tables.read(db =>
    db
      .selectFrom('procedure_agreement')
      .select('provider_id')
      .where('person_id', '=', personId)
      .orderBy('provider_id')
      .execute(),
  )
  return rows.map(row => row.provider_id)
}

/**
 * The parties that a form names. Refusals `request-malformed` for a role that nobody stands in and must, or who was not offered;
 * `mailbox-unknown` for a corporation without a box. `codes` are for who was invited.
 */
export async function partiesChosen(
  world: CaseWorld,
  definition: Definition,
  given: {
    readonly personId: string
    readonly name: string
    readonly sent: Readonly<Record<string, unknown>>
  },
): Promise<{
  readonly parties: readonly Party[]
  readonly codes: Readonly<Record<string, string>>
}> {
  const { personId, name, sent } = given
  const offered = await choicesFor(world, definition, personId)
  const parties: Party[] = [
    { id: 'applicant', role: 'applicant', name, owner: { kind: 'person', personId } },
  ]
  const codes: Record<string, string> = {}
  for (const [id, role] of Object.entries(definition.roles)) {
    if (id === 'applicant') continue
    const field = `party-${id}`
    const asked = [sent[field]]
      .flat()
      .filter(each => typeof each === 'string' && each.trim() !== '')
    const chosen = asked.map(each => String(each).trim())
    if (chosen.length === 0 && role.isOptional !== true)
      throw new Refusal('request-malformed', { fields: field })
    if (chosen.length > 1 && role.isMany !== true)
      throw new Refusal('request-malformed', { fields: field })
    for (const [position, value] of chosen.entries()) {
      const party = role.isMany === true ? `${id}-${position + 1}` : id
      if (role.chosen === 'invited') {
        const code = spokenCode(world.random.bytes(codeBytes))
        codes[party] = code
        parties.push({
          id: party,
          role: id,
          name: value.slice(0, 64),
          owner: { kind: 'invited', code: codeHash(code) },
        })
        continue
      }
      const found =
        role.chosen === 'corporation'
          ? await corporation(world, value, field)
          : offered[id]?.find(each => each.value === value)
      if (found === undefined) throw new Refusal('request-malformed', { fields: field })
      parties.push({ id: party, role: id, name: found.name, owner: found.owner })
    }
  }
  return { parties, codes }
}

async function corporation(world: CaseWorld, number: string, field: string): Promise<Owned> {
  const digits = number.normalize('NFKC')
  if (!isCorporateNumber(digits)) throw new Refusal('request-malformed', { fields: field })
  const boxes = await world.tables.read(db => listedBoxes(db, ['organisation']))
  const found = boxes.find(({ owner }) => owner.kind === 'organisation' && owner.number === digits)
  if (found === undefined) throw new Refusal('mailbox-unknown')
  return { owner: { kind: 'organisation', number: digits }, name: found.name, value: digits }
}

function ofProvider(provider: Provider): Owned {
  return {
    owner: { kind: 'provider', providerId: provider.id },
    name: provider.name,
    value: `provider ${provider.id}`,
  }
}

/** A character each: 80 bits. */
const codeBytes = 16
