/**
 * Attacks the judgement of XML signatures with altered documents, for tests. Whatever the bytes, it throws nothing, and what passes
 * still covers exactly what was signed.
 */
import assert from 'node:assert/strict'
import {
  addXmlSignatureTimeStamp,
  addXmlValidationData,
  xmlSignatureToBeStamped,
} from '../assemble/xades-unsigned.ts'
import { elementBytes, placesOf } from '../assemble/xml-text.ts'
import { cmsAuthority, stampOver } from '../cms-specimen-for-tests.ts'
import { concat } from '../der-writer.ts'
import { bytesEqual } from '../der.ts'
import { specimenCrl } from '../specimen-for-tests.ts'
import {
  bytesOf,
  enveloped,
  looseDemands,
  textOfBytes,
  xadesSpecimen,
  xmlDocument,
} from './xml-specimen-for-tests.ts'
import { type ValidXmlSignature, validateXml } from './xml-validation.ts'

/** Alters documents as its seed says: same seed, same alterations. */
export class XmlMutator {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 up to, not including, `limit` (mulberry32). */
  next(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % limit
  }

  /** One alteration: a byte, a cut, a telling piece put in, or an element copied, moved or taken away. */
  alter(xml: Uint8Array): Uint8Array {
    const at = this.next(xml.length)
    const before = xml.subarray(0, at)
    switch (this.next(8)) {
      case 0:
        return xml.with(at, (xml[at] ?? 0) ^ (1 << this.next(8)))
      case 1:
        return xml.with(at, this.next(256))
      case 2:
        return concat(before, xml.subarray(at + 1 + this.next(8)))
      case 3:
      case 4:
        return concat(before, bytesOf(pieces[this.next(pieces.length)] ?? ''), xml.subarray(at))
      default:
        return this.#alterElements(xml)
    }
  }

  #alterElements(xml: Uint8Array): Uint8Array {
    const places = placesOf(xml)
    const from = places[this.next(places.length)]
    const to = places[this.next(places.length)]
    if (from === undefined || to === undefined) return xml
    const copy = elementBytes(xml, from)
    const target = this.next(2) === 0 ? to.start : to.contentEnd
    const isCopied = this.next(2) === 0
    const isTaken = !isCopied || this.next(4) === 0
    const end = from.start + copy.length
    const part = (start: number, stop: number): Uint8Array =>
      isTaken
        ? concat(
            xml.subarray(start, Math.max(start, Math.min(stop, from.start))),
            xml.subarray(Math.min(Math.max(start, end), stop), stop),
          )
        : xml.subarray(start, stop)
    const put = isCopied || this.next(2) === 0 ? copy : new Uint8Array()
    return concat(part(0, target), put, part(target, xml.length))
  }
}

/** Pieces that mean something to a parser or to a verifier. */
const pieces = [
  '<!-- -->',
  '<!--',
  '<?x y?>',
  '<![CDATA[',
  ']]>',
  '&#x41;',
  '&amp;',
  '&x;',
  '<!DOCTYPE a [<!ENTITY x "y">]>',
  ' xmlns:a="urn:a"',
  ' xmlns="urn:a"',
  ' xmlns=""',
  ' Id="a"',
  ' xml:lang="en"',
  '<a/>',
  '<a>',
  '</a>',
  '"',
  "'",
  '>',
  '<',
  '/',
  ' ',
  '\n',
  '\r',
  '\t',
  '\u{1d306}',
  '<ds:Object/>',
  '<ds:Object><evil/></ds:Object>',
  '<ds:Signature/>',
  'A',
  '=',
  '0'.repeat(300),
] as const

interface Specimen {
  readonly name: string
  readonly xml: Uint8Array
  /** What each signature covers, in the order of its references. */
  readonly covered: readonly (readonly Uint8Array[])[]
}

/** The documents that are attacked. */
function makeSpecimens(): readonly Specimen[] {
  const plain = xadesSpecimen()
  const stamped = addXmlSignatureTimeStamp(plain, 0, stampOver(xmlSignatureToBeStamped(plain, 0)))
  const kept = addXmlValidationData(stamped, 0, {
    certificates: [cmsAuthority.certificate.raw],
    crls: [specimenCrl('signature', cmsAuthority)],
    ocsps: [],
  })
  const parallel = xadesSpecimen({ content: enveloped(xmlDocument, 'left-out') })
  const documents = {
    enveloped: plain,
    kept,
    parallel: xadesSpecimen({ content: enveloped(parallel, 'left-out'), signingTime: 0 }),
    'enveloping xml': xadesSpecimen({
      content: { kind: 'enveloping-xml', xml: xmlDocument, mimeType: 'text/xml' },
      canonicalForm: 'inclusive',
    }),
    enveloping: xadesSpecimen({
      content: { kind: 'enveloping', bytes: bytesOf('ファイル'), mimeType: 'text/plain' },
    }),
  }
  return Object.entries(documents).map(([name, xml]) => {
    const { verdict } = validateXml(looseDemands(xml))
    assert.ok(verdict.kind === 'passed', name)
    return { name, xml, covered: verdict.value.map(contentsOf) }
  })
}

function contentsOf(signature: ValidXmlSignature): readonly Uint8Array[] {
  return signature.covered.map(each =>
    each.content.kind === 'bytes' ? each.content.bytes : new Uint8Array(),
  )
}

/**
 * Judges an altered specimen. Throws when something was thrown, or when it passed and covers anything else than the specimen did.
 * Returns whether it passed.
 */
export function judgeAltered(specimen: Specimen, altered: Uint8Array): boolean {
  const { verdict } = validateXml(looseDemands(altered))
  if (verdict.kind !== 'passed') return false
  // Signatures may be gone or have changed places, but none covers what nobody has signed.
  for (const signature of verdict.value) {
    const contents = contentsOf(signature)
    assert.ok(
      specimen.covered.some(
        known =>
          known.length === contents.length &&
          known.every((each, at) => bytesEqual(each, contents[at] ?? new Uint8Array())),
      ),
      `something else is covered: ${textOfBytes(altered)}`,
    )
    assert.ok(signature.isWhole)
  }
  return true
}

/** Runs `rounds` alterations against each specimen; gives the altered documents that passed. */
export function attackXml(seed: number, rounds: number): readonly Uint8Array[] {
  const mutator = new XmlMutator(seed)
  const specimens = makeSpecimens()
  const passed: Uint8Array[] = []
  for (let round = 0; round < rounds; round++) {
    for (const specimen of specimens) {
      const altered = mutator.alter(specimen.xml)
      try {
        if (judgeAltered(specimen, altered)) passed.push(altered)
      } catch (error) {
        const text = Buffer.from(altered).toString('base64')
        throw new Error(`seed ${seed}, round ${round}, ${specimen.name}, ${text}`, { cause: error })
      }
    }
  }
  return passed
}
