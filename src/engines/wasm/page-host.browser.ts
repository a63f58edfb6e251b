/** The host of the wasm engine in a browser: a page or one of its workers. */
import { gunzipSync } from 'fflate'
import { DiffWaveError } from '../../core/errors.js'
import { urlSource } from '../../core/url-source.js'
import type { HostWorker, WasmHost, WasmInstructionSet } from './host.js'
import { unpackBinary } from './packed-binaries.js'

/**
 * Texts that the bundle contains, so that one file works with every bundler. scripts/build-browser.mjs puts them in
 * place of these names. One is the program of src/browser/worker.ts. The other is the binaries, packed
 * (packed-binaries.ts), compressed by gzip, in base64. The studio's server has the binaries as files. There the second
 * text is the path from the running script to their folder, with a slash at its end.
 */
declare const DIFFWAVE_WORKER: string
declare const DIFFWAVE_BINARIES: string

/** It is used only here, because each use of the declared name would be a copy of the text. */
const binaries = DIFFWAVE_BINARIES
let packed: Uint8Array | undefined

/** Loads a binary. @throws DiffWaveError `DOWNLOAD_FAILED`, `FILE_NOT_FOUND` if the binaries are files */
async function binary(instructionSet: WasmInstructionSet): Promise<Uint8Array> {
  if (binaries.endsWith('/')) {
    return urlSource(new URL(binaries, globalThis.location.href)).read(`${instructionSet}.wasm`)
  }
  packed ??= gunzipSync(Uint8Array.from(atob(binaries), character => character.charCodeAt(0)))
  return unpackBinary(packed, instructionSet)
}

/** What to do if a worker does not start. The quotes are those that a policy needs. */
function startHint(workerUrl: string | URL | undefined): string {
  const policy = "The page’s Content-Security-Policy must allow `script-src 'wasm-unsafe-eval'`"
  return workerUrl === undefined
    ? `${policy}, and \`worker-src blob:\` unless the option workerUrl names a file of the page’s own server.`
    : `${policy}, and the option workerUrl must name the file \`diffwave/browser/worker\` on the page’s own server.`
}

/**
 * Seconds for a worker at an address to be fetched and to answer. A script that is another program never answers, and
 * the browser reports no error.
 */
const START_SECONDS = 30

let program: string | undefined

/**
 * Starts a worker from its URL, or from the text of its program.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`
 */
function startWorker(url: string | URL | undefined): HostWorker {
  if (url === undefined) program ??= URL.createObjectURL(new Blob([DIFFWAVE_WORKER], { type: 'text/javascript' }))
  let worker: Worker
  try {
    worker = new Worker(url ?? program!, { name: 'diffwave' })
  } catch (cause) {
    throw new DiffWaveError(
      'ENGINE_UNAVAILABLE',
      'the wasm engine is not available: the page is not allowed to start workers',
      { hint: startHint(url), cause },
    )
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
 * @param workerUrl URL of the worker's program. Default: the program inside the module
 */
export function pageHost(workerUrl?: string | URL): WasmHost {
  const key = String(workerUrl ?? '')
  const host = hosts.get(key) ?? {
    binary,
    startWorker: () => startWorker(workerUrl),
    startHint: startHint(workerUrl),
    startSeconds: workerUrl === undefined ? undefined : START_SECONDS,
    sharesMemory: globalThis.crossOriginIsolated === true,
  }
  hosts.set(key, host)
  return host
}
