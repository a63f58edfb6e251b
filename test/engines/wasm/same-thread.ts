/**
 * A host of the wasm engine whose worker runs in the thread of the test. To start a worker takes longer than most
 * networks of these tests take to run. What threads add is tested in engine.test.ts.
 */
import { MessageChannel } from 'node:worker_threads'
import type { Engine } from '#src/engines/engine'
import { createEngineOn, type WasmOptions } from '#src/engines/wasm/create-engine'
import type { WasmHost } from '#src/engines/wasm/host'
import { nodeHost } from '#src/engines/wasm/node-host'
import { runWorker } from '#src/engines/wasm/worker-program'

const host: WasmHost = {
  ...nodeHost,
  startWorker() {
    const { port1: own, port2: worker } = new MessageChannel()
    runWorker({
      post: (message, transfer = []) => worker.postMessage(message, transfer),
      onMessage: handle => void worker.on('message', handle).unref(),
    })
    return {
      post: message => own.postMessage(message),
      onMessage: handle => void own.removeAllListeners('message').on('message', handle),
      onEnd: () => undefined,
      keepAlive: due => (due ? own.ref() : own.unref()),
      terminate: async () => own.close(),
    }
  },
}

/** Creates an engine of one thread: the caller's. */
export function createInSameThread(options: WasmOptions): Promise<Engine> {
  return createEngineOn(host, 1, options)
}
