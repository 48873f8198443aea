/** A life insurer (D2). */
export { type Insurer, type InsurerSettings, startInsurer } from './insurer/program.ts'
