/** What we use of a library that comes without types. */

declare module 'fontkit' {
  export function create(bytes: Buffer): { hasGlyphForCodePoint(point: number): boolean }
}
