/** The wasm engine's host in Node.js: binaries from prebuilds/wasm/, threads by worker_threads. */
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { DiffWaveError } from '../../core/errors.js'
import type { HostWorker, WasmHost } from './host.js'

/** A worker thread. The process's own options are not the thread's: with `--input-type` a file cannot be run. */
function startWorker(): HostWorker {
  const worker = new Worker(new URL('./node-worker.js', import.meta.url), { execArgv: [] })
  return {
    post: message => worker.postMessage(message),
    onMessage(handle) {
      worker.removeAllListeners('message')
      worker.on('message', handle)
    },
    onEnd(handle) {
      worker.on('error', error => handle(error.message))
      worker.on('exit', status => handle(`exit status ${status}`))
    },
    keepAlive(due) {
      if (due) worker.ref()
      else worker.unref()
    },
    terminate: () => worker.terminate(),
  }
}

/** @throws DiffWaveError `ENGINE_UNAVAILABLE` from `binary` if the package is incomplete */
export const nodeHost: WasmHost = {
  async binary(instructionSet) {
    const path = new URL(`../../../prebuilds/wasm/${instructionSet}.wasm`, import.meta.url)
    try {
      return await readFile(path)
    } catch (cause) {
      throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the wasm engine is not available: its binary is missing', {
        where: path.pathname,
        hint: 'Install the package again.',
        cause,
      })
    }
  },
  startWorker,
  sharesMemory: true,
}
