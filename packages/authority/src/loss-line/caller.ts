/**
 * Who calls the loss line (A8): what the caller says is compared with the register, and the operator learns only whether all of it fits
 * exactly one person. Nothing is stopped before that.
 */
import { Refusal } from '@sekisho/contract'
import { sql } from '@sekisho/runtime/store'
import { residentOf } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { messages } from '../message.ts'

/** What a caller says. */
export type CallerSays = {
  readonly name: string
  /** Eight digits, Gregorian. */
  readonly birthDate: string
  /** As on the card, in whatever way of writing numbers. */
  readonly address: string
}

/** A caller who was identified. */
export type Caller = { readonly residentId: string }

/**
 * Identifies a caller. Refusal `caller-not-identified` when something does not fit, or more than one person fits: it does not say what,
 * because the next caller might try again.
 */
export async function identifyCaller(world: World, says: CallerSays): Promise<Caller> {
  const [year, month, day] = [0, 4, 6].map((at, part) =>
    Number(says.birthDate.slice(at, part === 0 ? 4 : at + 2)),
  )
  const rows = await world.store.read(db =>
    db
      .selectFrom('resident')
      .selectAll()
      .where(sql<string>`replace(attributes->>'name', '　', '')`, '=', plainName(says.name))
      .where(sql<number>`(attributes->'birthDate'->>'year')::int`, '=', year ?? 0)
      .where(sql<number>`(attributes->'birthDate'->>'month')::int`, '=', month ?? 0)
      .where(sql<number>`(attributes->'birthDate'->>'day')::int`, '=', day ?? 0)
      .where('status', 'in', ['resident', 'overseas'])
      .limit(candidatesMax)
      .execute(),
  )
  const fitting = rows
    .map(residentOf)
    .filter(one => plainAddress(one.attributes.address) === plainAddress(says.address))
  const [found, ...more] = fitting
  if (found === undefined || more.length > 0) {
    world.log.write(messages['authority.caller-not-identified'])
    throw new Refusal('caller-not-identified')
  }
  return { residentId: found.id }
}

/** People of one name and birthday at one address: more is no identification. */
const candidatesMax = 100

/** A name without the space that people leave out, in one width. */
function plainName(name: string): string {
  return name.normalize('NFKC').replaceAll(/\s/gu, '')
}

/**
 * An address however its numbers are written: 一丁目二番三号, １－２－３ and 1-2-3 are the same. What comes before the numbers must be as in the
 * register.
 */
export function plainAddress(address: string): string {
  return address
    .normalize('NFKC')
    .replaceAll(/\s/gu, '')
    .replaceAll(/[〇一二三四五六七八九十]+(?=丁目|番|号)/gu, written => String(numberOf(written)))
    .replaceAll(/丁目|番地の?|番|号室?/gu, '-')
    .replaceAll(/[‐‑–—―−ー－]/gu, '-')
    .replaceAll(/-+/gu, '-')
    .replace(/-$/u, '')
}

/** 十二 is 12, 二十 is 20, 二一 is 21. */
function numberOf(written: string): number {
  const digits = '〇一二三四五六七八九'
  const [before, after, ...more] = written.split('十')
  const plain = (text: string): number =>
    Array.from(text).reduce((sum, digit) => sum * 10 + digits.indexOf(digit), 0)
  if (after === undefined || more.length > 0) return plain(written.replaceAll('十', '一〇'))
  return (before === '' ? 1 : plain(before ?? '')) * 10 + plain(after)
}
