/**
 * Shares of a population for synthetic residents. Counts are rounded from the public population estimates of October 2024 and the
 * census of 2020; they make a town believable and are no statistic.
 */

/** Ten thousands of people by sex in bands of five years of age, from 0 to 4 on; the last band is 100 and over. */
export const agePyramid: readonly (readonly [male: number, female: number])[] = [
  [205, 195],
  [245, 233],
  [268, 255],
  [280, 266],
  [317, 301],
  [330, 313],
  [325, 308],
  [356, 344],
  [390, 380],
  [453, 443],
  [488, 481],
  [420, 420],
  [371, 377],
  [353, 369],
  [385, 428],
  [340, 413],
  [240, 339],
  [143, 254],
  [58, 146],
  [13, 51],
  [1, 8],
]

/** Percent of men of an age who live with a wife: from that age on. */
export const marriedMen: readonly (readonly [age: number, percent: number])[] = [
  [0, 0],
  [20, 4],
  [25, 27],
  [30, 50],
  [35, 62],
  [45, 66],
  [60, 74],
  [70, 80],
  [85, 72],
  [95, 50],
]

/** Percent of unmarried adults of an age who live with a parent. */
export const withParents: readonly (readonly [age: number, percent: number])[] = [
  [18, 70],
  [25, 55],
  [35, 45],
  [50, 25],
  [60, 0],
]

/** Percent of the unmarried from that age on who live with a grown child. */
export const withChild: readonly (readonly [age: number, percent: number])[] = [
  [0, 0],
  [75, 25],
  [85, 40],
]

/** Percent of residents who are foreign nationals. */
export const foreignPercent = 2.9

/** Percent of residents with a card (January 2026, public figure of some four in five). */
export const cardPercent = 80

/** Percent of card holders from 15 on who took a signature certificate. */
export const signaturePercent = 93

/** Percent of an age group by a table that begins with the lowest age. */
export function percentAt(
  table: readonly (readonly [age: number, percent: number])[],
  age: number,
): number {
  return table.findLast(([from]) => from <= age)?.[1] ?? 0
}
