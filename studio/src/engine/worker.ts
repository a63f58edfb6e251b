/** The program of the worker in which the engine runs, so that the page stays smooth. */
import { throwIfAborted } from '#src/core/errors'
import { clausesOf } from './clauses.js'
import { ModelShelf } from './model-shelf.js'
import { heavyOperations, lightOperations, type OperationTools } from './operations.js'
import { type Ask, buffersOf, type FromWorker, type ToWorker } from './protocol.js'

type Operation = (order: unknown, tools: OperationTools) => Promise<unknown>

/** A worker's own scope, as far as it is used: the DOM's types describe a page. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer: readonly ArrayBuffer[]): void
  addEventListener(type: 'message', handle: (event: { readonly data: ToWorker }) => void): void
}

const scope = globalThis as unknown as WorkerScope
const stops = new Map<number, AbortController>()
let shelf = new ModelShelf([])
/** The end of the heavy operation that was asked for last. */
let turn: Promise<unknown> = Promise.resolve()

function post(message: FromWorker): void {
  scope.postMessage(message, buffersOf(message))
}

async function answer({ id, operation, order }: Ask, signal: AbortSignal): Promise<void> {
  const tools: OperationTools = { shelf, signal, emit: (name, value) => post({ kind: 'event', id, name, value }) }
  const light = (lightOperations as Readonly<Record<string, Operation>>)[operation]
  const heavy = (heavyOperations as Readonly<Record<string, Operation>>)[operation]
  try {
    throwIfAborted(signal)
    const value = await (light ?? heavy!)(order, tools)
    post({ kind: 'result', id, value })
  } catch (error) {
    post({ kind: 'problem', id, problem: clausesOf(error) })
  } finally {
    stops.delete(id)
  }
}

scope.addEventListener('message', ({ data }) => {
  switch (data.kind) {
    case 'offer':
      shelf = new ModelShelf(data.models)
      break
    case 'stop':
      stops.get(data.id)?.abort()
      break
    case 'ask': {
      const stop = new AbortController()
      stops.set(data.id, stop)
      const run = () => answer(data, stop.signal)
      if (data.operation in lightOperations) void run()
      else turn = turn.then(run)
      break
    }
  }
})
