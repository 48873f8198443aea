/** Files that are named on the command line or in a configuration. */
import { readFile } from 'node:fs/promises'
import { Refusal } from '@sekisho/contract'
import { type Certificate, MalformedError, parseCertificate } from '@sekisho/pki'

/** The bytes of a file. Refusal `file-unreadable`. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await readFile(path))
  } catch {
    throw new Refusal('file-unreadable', { file: path })
  }
}

/** The value of a JSON file. Refusal `file-unreadable`. */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readBytes(path)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Refusal('file-unreadable', { file: path })
  }
}

/** The bytes of a DER file, or of the first block of a PEM file (RFC 7468). Refusal `file-unreadable`. */
export async function readDer(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path)
  const pem = /-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END/.exec(
    new TextDecoder('latin1').decode(bytes),
  )
  return pem?.[1] === undefined ? bytes : Uint8Array.from(Buffer.from(pem[1], 'base64'))
}

/** The certificate in a DER or PEM file. Refusal `file-unreadable`. */
export async function readCertificate(path: string): Promise<Certificate> {
  const der = await readDer(path)
  try {
    return parseCertificate(der)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new Refusal('file-unreadable', { file: path })
  }
}
