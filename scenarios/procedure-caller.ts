/** A party's own system: it asks for its tasks and answers them over the interface. */
import type { TestProvider, TestTown } from '@sekisho/cli/testkit'
import { type ProcedureAnswer, type ProcedureTask, procedureTasks } from '@sekisho/contract'
import * as oidc from 'openid-client'

/** What it does. */
export type ProcedureCaller = {
  tasks(): Promise<readonly ProcedureTask[]>
  /** `taken`, or the code of the refusal. */
  answer(task: Pick<ProcedureTask, 'case' | 'task'>, body: ProcedureAnswer): Promise<string>
  /** A document of a case; undefined: refused. */
  document(caseId: string, id: string): Promise<Uint8Array | undefined>
  /** What arrived in its box. */
  letters(): Promise<readonly { readonly id: string; readonly subject: string }[]>
}

/** Makes one, with a token of the scopes that it needs. */
export async function procedureCaller(
  town: TestTown,
  provider: TestProvider,
): Promise<ProcedureCaller> {
  const key = await crypto.subtle.importKey(
    'jwk',
    provider.key,
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  )
  const config = await oidc.discovery(
    new URL(town.urls.platform),
    provider.id,
    {},
    oidc.PrivateKeyJwt({ key, kid: String(provider.key.kid) }),
    { execute: [oidc.allowInsecureRequests] },
  )
  const { access_token: token } = await oidc.clientCredentialsGrant(config, {
    scope: 'procedure mail',
  })
  const call = (path: string, body?: unknown): Promise<Response> =>
    town.fetch(`${town.urls.platform}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    tasks: async () => procedureTasks.parse(await (await call('/v1/procedure-tasks')).json()).tasks,
    answer: async (task, body) => {
      const answer = await call(`/v1/procedure-tasks/${task.case}/${task.task}`, body)
      const said = (await answer.json()) as { state?: string; code?: string }
      return said.state ?? said.code ?? String(answer.status)
    },
    document: async (caseId, id) => {
      const answer = await call(`/v1/procedure-cases/${caseId}/documents/${id}`)
      if (answer.status !== 200) return undefined
      const { content } = (await answer.json()) as { content: string }
      return new Uint8Array(Buffer.from(content, 'base64'))
    },
    letters: async () => {
      const answer = await call('/v1/mail/in-tray?after=0')
      const { messages } = (await answer.json()) as { messages: { id: string; subject: string }[] }
      return messages
    },
  }
}
