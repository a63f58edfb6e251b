/** The host of the wasm engine in Node.js, with binaries from prebuilds/wasm/ and threads of worker_threads. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { DiffWaveError } from '../../core/errors.js'
import { bundleHint } from '../../core/package.js'
import { isPermissionError, permissionHint, requireThreads } from '../../core/permission.js'
import type { HostWorker, WasmHost } from './host.js'

/** Starts a thread without the options of the process: with `--input-type` a file cannot be run. */
function startWorker(): HostWorker {
  requireThreads('the wasm engine')
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
      const { state, hint } = isPermissionError(cause)
        ? { state: 'may not be read', hint: permissionHint(cause, fileURLToPath(path)) }
        : { state: 'is missing', hint: bundleHint() ?? 'Install the package again.' }
      throw new DiffWaveError('ENGINE_UNAVAILABLE', `the wasm engine is not available: its binary ${state}`, {
        where: fileURLToPath(path),
        hint,
        cause,
      })
    }
  },
  startWorker,
  sharesMemory: true,
}
