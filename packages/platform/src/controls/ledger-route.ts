/** The ledger as anybody may read it, under `/ledger` (C2SP tlog-tiles; `docs/protocol/ledger.md`). */
import { Refusal } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { App } from '@sekisho/runtime/http'
import { z } from 'zod'

/** Adds `GET /ledger/*`. Who runs a log must not choose who reads it: there is no login, and a copy elsewhere serves as well. */
export function addLedgerRoutes(app: App, ledger: Pick<Ledger, 'published'>): void {
  const params = z.object({ '*': z.string() })
  app.get('/ledger/*', { schema: { params, hide: true } }, async (request, reply) => {
    const file = await ledger.published(request.params['*'])
    if (file === undefined) throw new Refusal('not-found')
    return reply
      .type(file.contentType)
      .header('cache-control', file.isImmutable ? keptForever : keptBriefly)
      .send(Buffer.from(file.body))
  })
}

const keptForever = 'public, max-age=31536000, immutable'
/** A checkpoint comes each second at most. */
const keptBriefly = 'public, max-age=1'
