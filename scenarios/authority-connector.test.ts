/** The connector over HTTP with signed messages, against the authority of a town. */
import { townAnchors } from '@sekisho/authority'
import { startTestTown } from '@sekisho/cli/testkit'
import { importPrivateKey, parseCertificate } from '@sekisho/pki'
import { connectAuthority } from '@sekisho/platform'
import { loadOrCreateKey } from '@sekisho/runtime/keys'
import { createFetch } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import {
  conformConnector,
  type ConnectorPerson,
  type ConnectorWorld,
} from './authority-connector.ts'

const secrets = { pin: '2468', password: 'SEKISHO1' } as const

conformConnector('HTTP, town', async (): Promise<ConnectorWorld> => {
  const town = await startTestTown()
  const caller = createFetch()
  const keyOf = (program: 'authority' | 'platform', name: string) =>
    loadOrCreateKey(town.layout.keysFolder(program), name, 'ec-p256')
  const connector = connectAuthority(
    {
      url: town.urls.authority,
      verifierId: 'platform',
      answerKey: await keyOf('authority', 'answers'),
    },
    {
      fetch: caller.fetch,
      random: systemRandom(),
      clock: town.clock,
      key: await keyOf('platform', 'messages'),
    },
  )
  const event = (resident: string, wish: object) =>
    town.admin('authority', 'resident-event', { resident, event: wish })
  let count = 0

  async function person(): Promise<ConnectorPerson> {
    const { resident } = (await town.admin('authority', 'resident-register', {
      name: `適合　${'一二三四五六七八九十'[count++ % 10] ?? ''}子`,
      gender: 'female',
      birthDate: { year: 1985, month: 4, day: 1 },
      municipality: '13101',
      address: '東京都千代田区一番町一番',
    })) as { resident: string }
    let { card } = (await event(resident, { what: 'card', ...secrets })) as { card: string }
    const state = async () => {
      await using held = await town.takeCard(card)
      return held.state()
    }
    const der = (text: string | null) =>
      parseCertificate(new Uint8Array(Buffer.from(text ?? '', 'base64')))
    return {
      certificates: async () => {
        const { signature, authentication } = await state()
        return {
          signature: der(signature.certificate),
          authentication: der(authentication.certificate),
        }
      },
      sign: async text => {
        const { signature } = await state()
        const key = importPrivateKey(Buffer.from(signature.privateKey ?? '', 'base64'))
        return key.sign('rsa-sha256', text)
      },
      happen: async what => {
        const move = { municipality: '13104', address: `東京都新宿区西新宿一丁目${count}番` }
        const wishes = {
          move: { what, ...move },
          reissue: { what, ...secrets },
          lost: { what },
          found: { what },
          deceased: { what },
        }
        const done = (await event(resident, wishes[what])) as { card?: string }
        card = done.card ?? card
      },
    }
  }

  return {
    connector,
    anchors: townAnchors(),
    verifier: 'platform',
    now: () => town.clock.now(),
    person,
    settle: async () => {
      await town.clock.advance(1000)
      await town.settle()
    },
    close: async () => {
      await caller.close()
      await town.stop()
    },
  }
})
