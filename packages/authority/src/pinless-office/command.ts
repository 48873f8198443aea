/** The PIN-less office's operations as commands of the admin socket. Bytes are base64. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import {
  certifyOrganisation,
  enterTerminal,
  listOrganisations,
  type PinlessWorld,
  registerOrganisation,
  withdrawPinless,
} from './office.ts'

const code = z.string().regex(/^\d{7}$/)
const name = z.string().trim().min(1).max(100)

const registration = z.strictObject({
  name,
  unit: z.string().trim().max(100).default(''),
  spki: z.base64().max(4096).optional(),
})
const withdrawal = z.strictObject({
  code,
  number: z
    .string()
    .regex(/^[A-Za-z0-9]{1,8}$/)
    .optional(),
  why: z.string().trim().min(1).max(200),
})

/** Commands by name. */
export function pinlessCommands(world: PinlessWorld) {
  return {
    'pinless-register': async (body: unknown) => {
      const wanted = parse(registration, body)
      const spki = wanted.spki === undefined ? undefined : bytesOf(wanted.spki)
      const { code: issued, privateKey } = await registerOrganisation(world, { ...wanted, spki })
      return {
        code: issued,
        ...(privateKey === undefined ? {} : { privateKey: base64(privateKey) }),
      }
    },
    'pinless-certify': async (body: unknown) => {
      const asked = parse(z.strictObject({ code }), body)
      const { certificate, until } = await certifyOrganisation(world, asked.code)
      return { certificate: base64(certificate), until }
    },
    'pinless-terminal': async (body: unknown) => {
      const form = z.strictObject({ code, certificate: z.base64().max(4096) })
      const { code: of, certificate } = parse(form, body)
      return enterTerminal(world, of, bytesOf(certificate))
    },
    'pinless-withdraw': async (body: unknown) => {
      const { number, ...rest } = parse(withdrawal, body)
      await withdrawPinless(world, { ...rest, number })
      return {}
    },
    'pinless-list': async () => listOrganisations(world),
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw new Refusal('request-malformed')
  return parsed.data
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
