/** The wasm engine's host in a browser: a page or a worker of it. */
import { gunzipSync } from 'fflate'
import { DiffWaveError } from '../../core/errors.js'
import type { HostWorker, WasmHost } from './host.js'
import { unpackBinary } from './packed-binaries.js'

/**
 * What the bundle carries inside itself, so that it is one file that works under every bundler:
 * scripts/build-browser.mjs puts the texts in place of these names. The program of src/browser/worker.ts, and the
 * binaries, packed (packed-binaries.ts), compressed by gzip, in base64.
 */
declare const DIFFWAVE_WORKER: string
declare const DIFFWAVE_BINARIES: string

let packed: Uint8Array | undefined

function packedBinaries(): Uint8Array {
  packed ??= gunzipSync(Uint8Array.from(atob(DIFFWAVE_BINARIES), character => character.charCodeAt(0)))
  return packed
}

let program: string | undefined

/** A worker from the text of its program. @throws DiffWaveError `ENGINE_UNAVAILABLE` */
function startWorker(): HostWorker {
  program ??= URL.createObjectURL(new Blob([DIFFWAVE_WORKER], { type: 'text/javascript' }))
  let worker: Worker
  try {
    worker = new Worker(program, { name: 'diffwave' })
  } catch (cause) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the wasm engine is not available: the page may start no worker', {
      hint: 'The page’s Content-Security-Policy must allow `worker-src blob:` and `script-src ’wasm-unsafe-eval’`.',
      cause,
    })
  }
  let handle: (message: unknown) => void = () => undefined
  worker.addEventListener('message', event => handle(event.data))
  return {
    post: message => worker.postMessage(message),
    onMessage(next) {
      handle = next
    },
    onEnd(ended) {
      worker.addEventListener('error', event => ended(event.message || 'the worker could not be loaded'))
    },
    keepAlive: () => undefined,
    async terminate() {
      worker.terminate()
    },
  }
}

/** A page that is not cross-origin isolated cannot share memory between threads. */
export const pageHost: WasmHost = {
  binary: async instructionSet => unpackBinary(packedBinaries(), instructionSet),
  startWorker,
  sharesMemory: globalThis.crossOriginIsolated === true,
}
