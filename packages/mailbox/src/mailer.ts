/** Mail that tells a person that a message waits, and the code by which an address is confirmed. It never says anything of a message. */
import { createTransport } from 'nodemailer'

/** Where mail is handed over (RFC 5321). */
export type SmtpSettings = {
  readonly host: string
  readonly port: number
  /** `tls` from the first byte, `starttls` always before anything is said, `none` for a server on this machine. */
  readonly security: 'tls' | 'starttls' | 'none'
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly from: string
}

/** Sends mail. Rejects when the server did not take it. */
export type Mailer = {
  sendCode(address: string, id: string, code: string): Promise<void>
  /** `id` names the notice: sent again it has the same Message-ID, so that it shows once. */
  sendNotice(address: string, id: string): Promise<void>
  close(): void
}

/** Makes a mailer. `portal`: the address at which messages are read. */
export function createMailer(smtp: SmtpSettings, portal: string): Mailer {
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    secure: smtp.security === 'tls',
    requireTLS: smtp.security === 'starttls',
    ignoreTLS: smtp.security === 'none',
    connectionTimeout: waitMs,
    greetingTimeout: waitMs,
    socketTimeout: waitMs,
    // Nothing that is not ours is read from files or addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: smtp.password ?? '' } }),
  })
  const host = new URL(portal).hostname
  const send = async (to: string, id: string, subject: string, text: string): Promise<void> => {
    await transport.sendMail({
      from: smtp.from,
      to: { name: '', address: to },
      messageId: `<${id}@${host}>`,
      subject,
      text,
      // RFC 3834 §5: nobody's absence is answered to us.
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
  }
  return {
    sendCode: (address, id, code) =>
      send(
        address,
        id,
        '確認コード / Your code',
        `確認コードは ${code} です。10分以内に入力してください。心当たりがなければ、何もしないでください。\n\nYour code is ${code}. Enter it within ten minutes. If you did not ask for it, do nothing.\n`,
      ),
    sendNotice: (address, id) =>
      send(
        address,
        id,
        '私書箱にメッセージが届いています / A message waits for you',
        `私書箱にメッセージが届いています。マイナンバーカードでログインして、お読みください。\n${portal}\n\nA message waits in your mailbox. Log in with your card to read it.\n${portal}\n`,
      ),
    close: () => transport.close(),
  }
}

const waitMs = 20_000
