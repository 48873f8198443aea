/** Where the programs of a town are: addresses, folders, sockets. Hosts differ so that cookies and origins bite as in life. */
import { join } from 'node:path'

/** A town's places. */
export type Layout = {
  readonly folder: string
  readonly urls: Readonly<Record<Place, string>>
  readonly ports: Readonly<Record<Place, number>>
  readonly cardsFolder: string
  readonly clockFile: string
  /** Where an authority that runs alone puts the configuration of a platform. */
  readonly configurationFolder: string
  /** Path of a program's admin socket. */
  adminPath(program: ProgramName): string
  keysFolder(program: ProgramName): string
  /** Names the token with the CA keys, if there is one. */
  readonly tokenFile: string
  /** The platform's revocation snapshot. */
  readonly revocationFolder: string
  /** Files that providers upload. */
  readonly uploadsFolder: string
  /** Documents of the mailbox. */
  readonly mailFolder: string
  databaseFolder(program: ProgramName | 'town'): string
}

/** Programs of a town. */
export const programNames = ['authority', 'platform', 'bank', 'wallet'] as const
export type ProgramName = (typeof programNames)[number]

/** What has an address: the programs, the town's front page, and the platform's consoles for operators and providers. */
type Place = ProgramName | 'town' | 'operation' | 'providers'

/** First port of a town unless told otherwise. */
export const defaultPortBase = 4300

/** The layout of a town in a folder. */
export function layoutOf(folder: string, portBase: number): Layout {
  const ports = {
    platform: portBase,
    authority: portBase + 1,
    bank: portBase + 2,
    wallet: portBase + 3,
    town: portBase + 4,
    operation: portBase + 5,
    providers: portBase + 6,
  }
  return {
    folder,
    ports,
    urls: {
      platform: `http://localhost:${ports.platform}`,
      authority: `http://authority.localhost:${ports.authority}`,
      bank: `http://bank.localhost:${ports.bank}`,
      wallet: `http://wallet.localhost:${ports.wallet}`,
      town: `http://town.localhost:${ports.town}`,
      providers: `http://providers.localhost:${ports.providers}`,
      operation: `http://operation.localhost:${ports.operation}`,
    },
    cardsFolder: join(folder, 'cards'),
    clockFile: join(folder, 'clock.json'),
    configurationFolder: join(folder, 'configuration'),
    adminPath: program => join(folder, program, 'admin.sock'),
    revocationFolder: join(folder, 'platform', 'revocation'),
    uploadsFolder: join(folder, 'platform', 'uploads'),
    mailFolder: join(folder, 'platform', 'mail'),
    keysFolder: program => join(folder, program, 'keys'),
    tokenFile: join(folder, 'authority', 'token.json'),
    databaseFolder: program => join(folder, program, 'database'),
  }
}
