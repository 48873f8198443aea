/** Gathers what one revision changed. */
import type { Evidence } from '../reason.ts'
import { change, type PdfChange, type PdfChangeCode } from './change.ts'

/** Most changes that are told of one revision; those beyond are of no kind that was not told before. */
const changesMax = 500

/** A list that says each thing once. */
export class ChangeList {
  readonly #revision: number
  readonly #found = new Map<string, PdfChange>()

  constructor(revision: number) {
    this.#revision = revision
  }

  /** Adds a change. Beyond the limit only a code that has not been told yet is. */
  add(code: PdfChangeCode, evidence: Evidence = {}): void {
    const key =
      this.#found.size < changesMax ? `${code} ${JSON.stringify(evidence)}` : `${code} beyond`
    if (!this.#found.has(key)) this.#found.set(key, change(code, this.#revision, evidence))
  }

  has(code: PdfChangeCode): boolean {
    return [...this.#found.values()].some(each => each.code === code)
  }

  all(): readonly PdfChange[] {
    return [...this.#found.values()]
  }
}
