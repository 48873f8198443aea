/** The papers of an application over HTTP, for the firm and for the operator. */
import { Refusal } from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import { openTypeface, type Typeface } from '../paper/typeface.ts'
import type { World } from '../world.ts'
import { findAccount } from './account.ts'
import type { Application } from './application.ts'
import { contractPaper, notificationPaper } from './paper.ts'

/** Adds `FOLDER/:id/contract.pdf` and `…/notification.pdf`; `find` refuses whoever may not see it. */
export function addPaperRoutes(
  app: App,
  given: {
    readonly world: World
    readonly folder: string
    find(request: Request, id: string): Promise<Application | undefined>
  },
): void {
  const { world } = given
  let typeface: Promise<Typeface> | undefined
  const params = z.object({ id: z.string().max(63) })
  for (const [name, print] of [
    ['contract', contractPaper],
    ['notification', notificationPaper],
  ] as const)
    app.get(`${given.folder}/:id/${name}.pdf`, { schema: { params } }, async (request, reply) => {
      const application = await given.find(request, request.params.id)
      const account =
        application === undefined ? undefined : await findAccount(world.store, application.account)
      if (application === undefined || account === undefined) throw new Refusal('not-found')
      typeface ??= openTypeface()
      const facts = { application, account, issuer: world.issuer, at: world.clock.now() }
      const file = await print(await typeface, facts)
      return reply
        .type('application/pdf')
        .header('content-disposition', `inline; filename="${application.id}-${name}.pdf"`)
        .send(Buffer.from(file))
    })
}
