/** The P.O. box (C11), a room of the platform. */
export { type Box, findBox, type Owner } from './box.ts'
export type { Content } from './content.ts'
export {
  type MailTables,
  type Posted,
  type PostedDocument,
  type Posting,
  PostedAtOnce,
  postMessage,
} from './post.ts'
export { type MailboxSettings, mailboxRoom } from './room.ts'
export { type ArrivedMessage, messagesAfter } from './stream.ts'
export { type MailboxTables } from './table.ts'
