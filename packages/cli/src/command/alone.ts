/** What a platform elsewhere on this machine needs to know of an authority that runs alone: files of a configuration. */
import { join } from 'node:path'
import { townAnchors, townTimeStampAnchors } from '@sekisho/authority'
import { agentPort } from '@sekisho/readers'
import { ownerOnlyFolder, writeFileAtomically, writeJsonFile } from '@sekisho/runtime/files'
import type { KeyPair } from '@sekisho/runtime/keys'
import type { Layout } from '../town/layout.ts'
import { authorityKey, platformKey } from '../town/program.ts'

/** Writes `platform.json` and the files it names into the town's folder; its path. */
export async function writePlatformConfiguration(layout: Layout): Promise<string> {
  const folder = layout.configurationFolder
  await ownerOnlyFolder(folder)
  const [answers, messages] = await Promise.all([authorityKey(layout), platformKey(layout)])
  const anchors = townAnchors().map((anchor, at) => ({ name: `anchor-${at + 1}.pem`, anchor }))
  const stampAnchors = townTimeStampAnchors().map((anchor, at) => ({
    name: `time-stamp-anchor-${at + 1}.pem`,
    anchor,
  }))
  for (const { name, anchor } of [...anchors, ...stampAnchors])
    await writeFileAtomically(join(folder, name), pemOf(anchor.raw))
  await writeFileAtomically(join(folder, 'authority-answers.pem'), publicPem(answers))
  const path = join(folder, 'platform.json')
  await writeJsonFile(path, {
    mode: 'town',
    port: layout.ports.platform,
    issuer: layout.urls.platform,
    dataFolder: '../platform',
    profile: 'town',
    anchors: anchors.map(({ name }) => name),
    timeStamps: {
      url: `${layout.urls.authority}/time-stamps`,
      listUrl: `${layout.urls.authority}/time-stamps/root.crl`,
      anchors: stampAnchors.map(({ name }) => name),
    },
    authority: {
      url: layout.urls.authority,
      verifierId: 'platform',
      answerKeyId: answers.keyId,
      answerKeyFile: 'authority-answers.pem',
    },
    messageKeyId: messages.keyId,
    messageKeyFile: '../platform/keys/messages.pem',
    readers: { agent: `ws://127.0.0.1:${agentPort}` },
    revocationRefreshSeconds: 60,
  })
  return path
}

function publicPem(key: KeyPair): string {
  return String(key.publicKey.export({ type: 'spki', format: 'pem' }))
}

function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
