/** What we use of two libraries that come without types. */

declare module 'opentype.js/dist/opentype.mjs' {
  type PathCommand =
    | { readonly type: 'M' | 'L'; readonly x: number; readonly y: number }
    | { readonly type: 'Q' | 'C' }
    | { readonly type: 'Z' }
  type Glyph = {
    readonly index: number
    readonly advanceWidth: number
    getPath(x: number, y: number, size: number): { readonly commands: readonly PathCommand[] }
  }
  type Font = { charToGlyph(character: string): Glyph }
  export function parse(bytes: ArrayBuffer): Font
}

declare module '@cornerstonejs/codec-openjpeg/wasmjs' {
  type Encoder = {
    getDecodedBuffer(frame: {
      readonly width: number
      readonly height: number
      readonly bitsPerSample: number
      readonly componentCount: number
      readonly isSigned: boolean
      readonly isUsingColorTransform: boolean
    }): Uint8Array
    setCompressionRatio(layer: number, ratio: number): void
    encode(): void
    getEncodedBuffer(): Uint8Array
    delete(): void
  }
  const open: () => Promise<{ readonly J2KEncoder: new () => Encoder }>
  export default open
}
