/** What the comparison with openssl (`differential.deep.ts`) has found once, each rule by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCertificate } from './certificate.ts'
import {
  cmsDemands,
  cmsDocument,
  cmsLeaf,
  handMade,
  usualAttributes,
} from './cms-specimen-for-tests.ts'
import { attributeIds } from './cms-attribute.ts'
import { validateCms } from './cms-validation.ts'
import { digest } from './crypto.ts'
import { contextConstructed, MalformedError } from './der.ts'
import { element, integer, octetString, sequence } from './der-writer.ts'
import { type DerNode, nodesOf, readTree, writeTree } from './der-tree-for-tests.ts'
import { poolKey } from './issue/pool.ts'
import { Mutator } from './mutation-for-tests.ts'
import { Name } from './name.ts'
import { verifyPath } from './path.ts'
import { codeOf, specimenAuthority, specimenDemands, specimenLeaf } from './specimen-for-tests.ts'
import { encodeAttribute } from './assemble/signed-data.ts'

const authority = specimenAuthority('signature', 0)
const leaf = specimenLeaf('signature', authority, 1)

/** The leaf with its subject's common name bent, signed again by the authority. */
function withCommonName(bend: (value: DerNode) => void): string {
  const tree = readTree(leaf.raw)
  const [tbs, , signature] =
    tree === undefined || tree.content instanceof Uint8Array ? [] : tree.content
  assert.ok(tree !== undefined && tbs !== undefined && signature !== undefined)
  // Found by its text, which stands nowhere else.
  const texts = nodesOf(tbs).filter(({ node }) => node.tag === 0x0c)
  const subject = texts.find(({ node }) =>
    Buffer.from(node.content instanceof Uint8Array ? node.content : []).equals(
      Buffer.from('20250401ABCDEF13101003A'),
    ),
  )
  assert.ok(subject !== undefined)
  bend(subject.node)
  signature.content = Uint8Array.from([0, ...poolKey(0).sign('rsa-sha256', writeTree(tbs))])
  return codeOf(
    verifyPath(parseCertificate(writeTree(tree)), specimenDemands([authority.certificate])),
  )
}

test('a leaf whose own name cannot be read is refused, though no rule of the path looks at it', () => {
  assert.equal(
    withCommonName(() => {}),
    'passed',
  )
  assert.equal(
    withCommonName(value => {
      value.tag = 0x13
    }),
    'passed',
  )
  const bent: ((value: DerNode) => void)[] = [
    value => {
      value.content = Uint8Array.of(0x41, 0xff)
    },
    // A BMPString of an odd number of octets.
    value => {
      value.tag = 0x1e
    },
    // A common name is text (RFC 5280 appendix A.1).
    value => {
      value.tag = 0x01
    },
    value => {
      value.tag = 0x80
    },
    value => {
      value.length = 'too-long'
    },
  ]
  for (const bend of bent) assert.equal(withCommonName(bend), 'certificate-malformed')
})

test('a name counts as readable exactly when all of it can be read', () => {
  const mutator = new Mutator(20_261_102)
  const isGood = (read: () => unknown): boolean => {
    try {
      read()
      return true
    } catch (error) {
      if (error instanceof MalformedError) return false
      throw error
    }
  }
  let good = 0
  for (let round = 0; round < 20_000; round++) {
    const raw = mutator.alter(leaf.subject.raw)
    const isReadable = isGood(() => new Name(raw).assertReadable())
    if (isReadable) good += 1
    assert.equal(
      isReadable,
      isGood(() => new Name(raw).relativeNames),
      Buffer.from(raw).toString('hex'),
    )
  }
  assert.ok(good > 500)
})

test('signing-certificate names the issuer once, and its policies are policies', () => {
  const name = element(contextConstructed(4), cmsLeaf.issuer.raw)
  const judged = (names: readonly Uint8Array[], ...policies: readonly Uint8Array[]): string => {
    const one = sequence(
      octetString(digest('sha256', cmsLeaf.raw)),
      sequence(sequence(...names), integer(cmsLeaf.serial)),
    )
    const { contentType, messageDigest } = usualAttributes
    const named = encodeAttribute(
      attributeIds.signingCertificateV2,
      sequence(sequence(one), ...policies),
    )
    const cms = handMade({ attributes: [contentType, messageDigest, named], content: cmsDocument })
    return codeOf(validateCms(cmsDemands(cms)).verdict)
  }
  assert.equal(judged([name]), 'passed')
  assert.equal(judged([name, name]), 'signer-certificate-mismatch')
  const policy = sequence(Uint8Array.of(6, 3, 0x2a, 3, 4))
  assert.equal(judged([name], sequence(policy)), 'passed')
  assert.equal(judged([name], sequence(octetString(Uint8Array.of(1)))), 'signed-attributes-invalid')
})
