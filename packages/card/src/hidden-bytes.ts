/**
 * Bytes that cannot be printed, logged or serialised by accident, and that are zeroed by `dispose`: what PINs and protected numbers have
 * in common.
 */
export abstract class HiddenBytes {
  #bytes: Uint8Array
  /** What stands in their place wherever they would be shown. */
  readonly #mark: string

  protected constructor(bytes: Uint8Array, mark: string) {
    this.#bytes = bytes
    this.#mark = mark
  }

  /**
   * Lends the bytes to `read`, which must not keep them.
   *
   * @throws Error after `dispose`.
   */
  use<T>(read: (bytes: Uint8Array) => T): T {
    if (this.#bytes.length === 0) throw new Error(`${this.#mark} was disposed of`)
    return read(this.#bytes)
  }

  /** Zeroes the bytes; they cannot be used any more. */
  dispose(): void {
    this.#bytes.fill(0)
    this.#bytes = new Uint8Array(0)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  toString(): string {
    return this.#mark
  }

  toJSON(): string {
    return this.#mark
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.#mark
  }
}
