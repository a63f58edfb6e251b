/** The wasm engine's host in a browser: a page or a worker of it. */
import { gunzipSync } from 'fflate'
import { DiffWaveError } from '../../core/errors.js'
import { urlSource } from '../../core/url-source.js'
import type { HostWorker, WasmHost, WasmInstructionSet } from './host.js'
import { unpackBinary } from './packed-binaries.js'

/**
 * What the bundle carries inside itself, so that it is one file that works under every bundler:
 * scripts/build-browser.mjs puts the texts in place of these names. The program of src/browser/worker.ts, and the
 * binaries, packed (packed-binaries.ts), compressed by gzip, in base64. In the studio, whose server has the binaries as
 * files, it is the path of their folder from the running script, with a slash at its end.
 */
declare const DIFFWAVE_WORKER: string
declare const DIFFWAVE_BINARIES: string

/** Each use of the declared name would be a copy of the text. */
const binaries = DIFFWAVE_BINARIES
let packed: Uint8Array | undefined

/** @throws DiffWaveError if the binary is a file: `DOWNLOAD_FAILED`, `FILE_NOT_FOUND` */
async function binary(instructionSet: WasmInstructionSet): Promise<Uint8Array> {
  if (binaries.endsWith('/')) {
    return urlSource(new URL(binaries, globalThis.location.href)).read(`${instructionSet}.wasm`)
  }
  packed ??= gunzipSync(Uint8Array.from(atob(binaries), character => character.charCodeAt(0)))
  return unpackBinary(packed, instructionSet)
}

const START_HINT =
  'The page’s Content-Security-Policy must allow `script-src ’wasm-unsafe-eval’`, and `worker-src blob:` unless the ' +
  'option workerUrl names a file of the page’s own server.'

let program: string | undefined

/**
 * A worker from its URL, or from the text of its program.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`
 */
function startWorker(url: string | URL | undefined): HostWorker {
  if (url === undefined) program ??= URL.createObjectURL(new Blob([DIFFWAVE_WORKER], { type: 'text/javascript' }))
  let worker: Worker
  try {
    worker = new Worker(url ?? program!, { name: 'diffwave' })
  } catch (cause) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the wasm engine is not available: the page may start no worker', {
      hint: START_HINT,
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

const hosts = new Map<string, WasmHost>()

/**
 * The host for a page's workers, one per URL. A page that is not cross-origin isolated cannot share memory between
 * threads.
 *
 * @param workerUrl of the worker's program. Default: the program that the module carries
 */
export function pageHost(workerUrl?: string | URL): WasmHost {
  const key = String(workerUrl ?? '')
  const host = hosts.get(key) ?? {
    binary,
    startWorker: () => startWorker(workerUrl),
    startHint: START_HINT,
    sharesMemory: globalThis.crossOriginIsolated === true,
  }
  hosts.set(key, host)
  return host
}
