/** The verifier page under `/verify`: the trust core is served module by module and runs in the browser. */
import { Refusal } from '@sekisho/contract'
import type { App } from '@sekisho/runtime/http'
import { page, verifierAsset, verifierBody, type VerifierConfig, verifierTitle } from '@sekisho/web'
import { z } from 'zod'
import { serviceName } from '../login/interaction-page.ts'
import { langFor, sendPage } from '../login/screen.ts'
import type { World } from '../world.ts'

/** Adds `GET /verify` and `GET /verify/modules/{n}.js`. */
export function addVerifierRoutes(app: App, world: World): void {
  const hide = true
  app.get('/verify', { schema: { hide } }, async (request, reply) => {
    const lang = langFor(request)
    const shown = page({
      title: verifierTitle(lang),
      lang,
      service: { name: serviceName[lang], home: '/' },
      path: '/verify',
      scripts: [verifierAsset.path],
      body: verifierBody(await configOf(world, addressOf(0)), lang),
    })
    return sendPage(reply, { page: shown, readers: {}, formOrigins: [], mayCompile: true })
  })
  const params = z.object({ file: z.string().regex(/^\d{1,4}\.js$/) })
  app.get('/verify/modules/:file', { schema: { params, hide } }, async (request, reply) => {
    const found = (await world.verifier())[Number.parseInt(request.params.file, 10)]
    if (found === undefined) throw new Refusal('not-found')
    const code = found.code.replace(/@@(\d+)@@/g, (_, n: string) => addressOf(Number(n)))
    return reply.type('text/javascript; charset=utf-8').send(code)
  })
}

async function configOf(world: World, core: string): Promise<VerifierConfig> {
  const { trust, stamps } = world.keeping
  const base64 = (each: { readonly raw: Uint8Array }): string =>
    Buffer.from(each.raw).toString('base64')
  return {
    core,
    anchors: trust.anchors.map(base64),
    stampAnchors: (await stamps.now()).anchors.map(base64),
    profile: trust.mode === 'town' ? 'town' : 'real',
  }
}

function addressOf(position: number): string {
  return `/verify/modules/${position}.js`
}
