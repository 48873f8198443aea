/** Starts the providers' console and what keeps its tables small. */
import { every } from '@sekisho/runtime/clock'
import { messages } from '../message.ts'
import { createOnboarding, type OnboardingSettings } from './server.ts'
import { sweepTraces, type Tracer } from './trace.ts'

/** Where the providers' console listens, and under which origin browsers reach it. */
export type ProvidersSettings = { readonly port: number; readonly publicOrigin: string }

/** Starts keeping traces and, where one is wished for, the console. */
export async function startOnboarding(
  given: Omit<OnboardingSettings, 'publicOrigin'> & {
    readonly tracer: Tracer
    readonly providers: ProvidersSettings | undefined
  },
): Promise<{ stop(): Promise<void> }> {
  const { world, providers, tracer } = given
  const server =
    providers === undefined
      ? undefined
      : await createOnboarding({ ...given, publicOrigin: providers.publicOrigin })
  if (providers !== undefined) await server?.listen(providers.port)
  const fault = (error: unknown): void =>
    world.log.write(messages['platform.background-fault'], { fault: error })
  const sweep = async (): Promise<void> => {
    await sweepTraces(world.store)
  }
  const stops = [every(flushMs, () => tracer.flush(), fault), every(sweepMs, sweep, fault)]
  return {
    stop: async () => {
      await server?.stop()
      for (const stop of stops) await stop()
      await tracer.flush()
    },
  }
}

/** Real milliseconds between two times that traces are kept. */
const flushMs = 500
const sweepMs = 60_000
