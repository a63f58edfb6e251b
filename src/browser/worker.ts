/** The program of a worker in a browser: the wasm engine's side of the channel. */
import { runWorker } from '../engines/wasm/worker-program.js'

/** A dedicated worker's own scope, as far as it is used: the DOM's types describe a page. */
interface WorkerScope {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void
  addEventListener(type: 'message', handle: (event: { readonly data: unknown }) => void): void
}

const scope = globalThis as unknown as WorkerScope
runWorker({
  post: (message, transfer = []) => scope.postMessage(message, transfer),
  onMessage: handle => scope.addEventListener('message', event => handle(event.data)),
})
