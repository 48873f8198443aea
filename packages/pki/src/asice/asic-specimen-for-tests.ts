/** ASiC-E specimens for tests. */
import { type AsicFile, type AsicRequest, prepareAsic } from '../assemble/asic.ts'
import { cmsLeaf } from '../cms-specimen-for-tests.ts'
import { specimenNow } from '../specimen-for-tests.ts'
import { bytesOf, rsaSigner, xmlDemands, type XmlSigner } from '../xml/xml-specimen-for-tests.ts'
import type { AsicDemands } from './validation.ts'

/** Files as a citizen may sign them. */
export const asicFiles: readonly AsicFile[] = [
  { name: '申請書.txt', bytes: bytesOf('委任状　見本花子\n'.repeat(40)), mimeType: 'text/plain' },
  { name: 'folder/a b%20(1).xml', bytes: bytesOf('<a>本文</a>'), mimeType: 'text/xml' },
  { name: 'empty', bytes: new Uint8Array(), mimeType: 'application/octet-stream' },
]

/** A finished container. */
export function asicSpecimen(
  vary: Partial<AsicRequest> = {},
  signer: XmlSigner = rsaSigner,
): Uint8Array {
  const prepared = prepareAsic({
    content: { kind: 'new', files: asicFiles },
    format: 'xades',
    certificate: signer.certificate,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow - 120_000,
    ...vary,
  })
  return prepared.finish(signer.key.sign(vary.algorithm ?? 'rsa-sha256', prepared.toBeSigned))
}

/** Demands that a specimen container meets. */
export function asicDemands(container: Uint8Array, vary: Partial<AsicDemands> = {}): AsicDemands {
  const { at, anchors, certificates, revocation, rules, timeStamps, keys } = xmlDemands(cmsLeaf.raw)
  return {
    container,
    coverage: 'whole',
    level: 'b',
    at,
    anchors,
    certificates,
    revocation,
    rules,
    timeStamps,
    keys,
    ...vary,
  }
}
