/** An OpenID Provider that goes on while its keys change: it is made anew over the same stored state, between two requests. */
import type { SigningKey } from '@sekisho/runtime/keyring'
import type { OpenId } from './open-id.ts'

/** As an OpenID Provider; `refresh` looks whether other keys are to be used. */
export type SucceedingOpenId = OpenId & { refresh(): Promise<void> }

/** `load` gives the keys that are to be used, the signing one first; `make` a provider with these. */
export async function withSuccession(
  load: () => Promise<readonly SigningKey[]>,
  make: (keys: readonly SigningKey[]) => OpenId,
): Promise<SucceedingOpenId> {
  let keys = await load()
  let current = make(keys)
  return {
    handler: (request, response) => current.handler(request, response),
    run: work => current.run(work),
    collect: work => current.collect(work),
    interaction: (request, reply) => current.interaction(request, reply),
    createGrant: given => current.createGrant(given),
    finish: (request, reply, outcome) => current.finish(request, reply, outcome),
    refuse: (request, reply, code) => current.refuse(request, reply, code),
    answerBackchannel: (requestId, answer) => current.answerBackchannel(requestId, answer),
    readIdToken: token => current.readIdToken(token),
    sendLogout: (providerId, personId) => current.sendLogout(providerId, personId),
    bearer: token => current.bearer(token),
    isProven: (providerId, binding, call) => current.isProven(providerId, binding, call),
    async refresh() {
      const next = await load()
      const isSame =
        next.length === keys.length && next.every((key, at) => key.keyId === keys[at]?.keyId)
      if (isSame) return
      current = make(next)
      keys = next
    },
  }
}
