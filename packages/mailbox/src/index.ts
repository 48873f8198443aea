/** The P.O. box (C11), a room of the platform. */
export { type Box, type Owner } from './box.ts'
export { listedBoxes, type ListedBox, membershipsOf, ownersOfProvider } from './directory.ts'
export type { Content } from './content.ts'
export {
  type MailTables,
  type Posted,
  type PostedDocument,
  type Posting,
  postMessage,
} from './post.ts'
export { type MailboxSettings, mailboxRoom } from './room.ts'
export { type ArrivedMessage, messagesAfter } from './stream.ts'
export { mailboxMigrations, type MailboxTables } from './table.ts'
