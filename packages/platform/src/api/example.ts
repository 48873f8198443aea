/**
 * A body for each operation of the interface, shown in `/openapi.json`. They are sent as they stand in a scenario: an example that the
 * interface does not take is a fault.
 */

const subject = 'h0gVYx4QmZ2mZbC1l5xw3A'
const text = Buffer.from('申込書\n').toString('base64')
/** Bytes that are none of a certificate or signature: judged, and not found good. */
const bytes = Buffer.alloc(256, 1).toString('base64')

/** The examples, by method and path. */
export const apiExamples: Readonly<Record<string, unknown>> = {
  'POST /v1/verifications': { document: text, signature: bytes, certificate: bytes },
  'POST /v1/file-verifications': { kind: 'cms', file: bytes, content: text },
  'POST /v1/pinless-verifications': {
    challenge: Buffer.alloc(32, 1).toString('base64'),
    organisation: '1234567',
    terminal: 'GATE0001',
    signature: bytes,
    certificate: bytes,
  },
  'POST /v1/certificate-checks': { certificateId: 'u3rJv1d1cQ0s2mFvC9a9Xw' },
  'POST /v1/changes': { subject, purpose: 'transaction' },
  'POST /v1/signing-transactions': {
    title: '申込書',
    mediaType: 'text/plain',
    document: text,
    subject,
    format: 'cades',
  },
  'POST /v1/customer-links': {
    subject,
    customerNumber: '0012345',
    record: { name: '佐藤　花子', birthdate: '1985-04-01' },
    accountProof: 'password',
  },
  'POST /v1/customer-links/{id}/decision': { decision: 'link', clerk: '窓口 一郎' },
  'POST /v1/terminals': { kind: 'tv', number: 'TV-001', subject },
  'POST /v1/terminals/{id}/viewer': { subject },
  'POST /v1/latest-consents': { subject, attributes: ['address'], days: 365 },
  'POST /v1/latest-attributes': { subject },
  'POST /v1/ssf/stream': { delivery: { method: 'urn:ietf:rfc:8936' } },
  'POST /v1/ssf/verify': { state: 'hello' },
  'POST /v1/ssf/poll': { maxEvents: 10, ack: [] },
}
