/**
 * Citizens' containers and who may have them: only a registered verifier of signatures gets the citizen's certificate (architecture.md). Anybody else
 * gets what was signed without the signature, and the platform's word on it.
 */
import { Refusal } from '@sekisho/contract'
import { MalformedError, parseSignedData } from '@sekisho/pki'
import { findProvider, type World } from '@sekisho/platform/room'
import type { Box } from './box.ts'

/** Whether who reads this box may have containers with citizens' certificates. */
export async function mayHaveContainers(
  world: Pick<World, 'store'>,
  box: Pick<Box, 'kind' | 'providerId'>,
): Promise<boolean> {
  // Parts of the platform judge containers; they hand none out.
  if (box.kind === 'system') return true
  const provider =
    box.providerId === null ? undefined : await findProvider(world.store, box.providerId)
  return provider?.metadata.sekisho_signature_verifier === true
}

/** What was signed, without the signature. Refusal `scope-exceeded` where one cannot be had without the other. */
export function withoutSignature(mediaType: string, container: Uint8Array): Uint8Array {
  const found =
    mediaType === 'application/pkcs7-mime'
      ? contentOf(container)
      : mediaType === 'application/pdf'
        ? beforeSignature(container)
        : undefined
  if (found === undefined) throw new Refusal('scope-exceeded', { scope: verifierScope })
  return found
}

function contentOf(container: Uint8Array): Uint8Array | undefined {
  try {
    return parseSignedData(container).content
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** The revision of the PDF to which the first signature was added (ISO 32000-1 §7.5.6): what ends before it. */
function beforeSignature(container: Uint8Array): Uint8Array | undefined {
  const file = Buffer.from(container.buffer, container.byteOffset, container.byteLength)
  const signature = file.indexOf('/ByteRange')
  const end = signature === -1 ? -1 : file.lastIndexOf('%%EOF', signature)
  if (end === -1) return undefined
  const [mark] = /^%%EOF(?:\r\n|\r|\n)?/.exec(file.toString('latin1', end, end + 7)) ?? ['']
  return container.subarray(0, end + mark.length)
}

const verifierScope = 'sekisho_signature_verifier'
