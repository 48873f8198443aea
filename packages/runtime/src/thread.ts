/**
 * A thread for work that would keep a server from answering. It is a module that answers requests one after the other;
 * requests and answers are copied, but memory that was made to be shared is shared.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/** A running thread. It does not keep the process alive while it has nothing to do. */
export interface Thread<Request, Answer> {
  /** The module's answer. Rejects with a fault when the module threw, or the thread ended. Answers come in order. */
  ask(request: Request): Promise<Answer>
  /** Ends the thread; what was asked and not answered is rejected. */
  stop(): Promise<void>
}

/** Starts a thread on a module that calls `serveThread`. A thread that needs more heap than `heapMiBMax` ends with a fault. */
export function startThread<Request, Answer>(
  module: URL,
  given: { readonly heapMiBMax?: number } = {},
): Thread<Request, Answer> {
  const worker = new Worker(module, {
    workerData: { [marker]: module.href },
    ...(given.heapMiBMax === undefined
      ? {}
      : { resourceLimits: { maxOldGenerationSizeMb: given.heapMiBMax } }),
  })
  const waiting: {
    readonly resolve: (answer: Answer) => void
    readonly reject: (fault: Error) => void
  }[] = []
  let ended: Error | undefined
  const end = (fault: Error): void => {
    ended ??= fault
    for (const each of waiting.splice(0)) each.reject(fault)
  }
  worker.unref()
  worker.on('message', (reply: Reply<Answer>) => {
    const asker = waiting.shift()
    if (waiting.length === 0) worker.unref()
    if ('fault' in reply) asker?.reject(new Error('a thread met a fault', { cause: reply.fault }))
    else asker?.resolve(reply.answer)
  })
  worker.on('error', fault => end(new ThreadEnded('a thread broke off', { cause: fault })))
  worker.on('exit', () => end(new ThreadEnded('a thread ended')))
  return {
    ask: request =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended)
          return
        }
        waiting.push({ resolve, reject })
        worker.ref()
        worker.postMessage(request)
      }),
    stop: async () => {
      await worker.terminate()
    },
  }
}

/**
 * Threads on the same module that share the work: a request goes to the one with the least before it. Each starts when it is
 * first needed; one that broke off is replaced for the next request, and what it was asked is rejected.
 */
export function startThreadPool<Request, Answer>(
  module: URL,
  given: { readonly threads: number; readonly heapMiBMax: number },
): Thread<Request, Answer> {
  type Seat = { thread: Thread<Request, Answer> | undefined; waiting: number }
  const seats: readonly Seat[] = Array.from({ length: given.threads }, () => ({
    thread: undefined,
    waiting: 0,
  }))
  let isStopped = false
  return {
    ask: async request => {
      if (isStopped) throw new Error('the threads were stopped')
      const seat = seats.reduce((least, each) => (each.waiting < least.waiting ? each : least))
      seat.thread ??= startThread<Request, Answer>(module, given)
      const { thread } = seat
      seat.waiting += 1
      try {
        return await thread.ask(request)
      } catch (fault) {
        if (fault instanceof ThreadEnded && seat.thread === thread) seat.thread = undefined
        throw fault
      } finally {
        seat.waiting -= 1
      }
    },
    stop: async () => {
      isStopped = true
      await Promise.all(
        seats.flatMap(({ thread }) => (thread === undefined ? [] : [thread.stop()])),
      )
    },
  }
}

/** The thread is no more; what was asked of it was not answered. */
export class ThreadEnded extends Error {}

/**
 * Has a module answer when it runs as a thread of its own; anywhere else this does nothing, so that the same module can be
 * imported. `module` is `import.meta.url`. Requests are answered one at a time, in order.
 */
export function serveThread(module: string, answer: (request: never) => unknown): void {
  if (isMainThread || parentPort === null || !isStartedOn(module, workerData)) return
  const port = parentPort
  let last = Promise.resolve()
  port.on('message', (request: unknown) => {
    last = last.then(async () => {
      let reply: Reply<unknown>
      try {
        // Whoever starts the thread says what it is asked: it is the same module's type.
        reply = { answer: await answer(request as never) }
      } catch (fault) {
        reply = { fault }
      }
      port.postMessage(reply)
    })
  })
}

type Reply<Answer> = { readonly answer: Answer } | { readonly fault: unknown }

function isStartedOn(module: string, data: unknown): boolean {
  return typeof data === 'object' && data !== null && Reflect.get(data, marker) === module
}

const marker = 'sekishoThread'
