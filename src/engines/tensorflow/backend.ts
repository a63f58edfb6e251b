/**
 * TensorFlow.js backends, each from an optional package: CUDA, libtensorflow, WASM and plain JavaScript. Runs inside
 * the engine's worker thread.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

import tf = require('@tensorflow/tfjs-core')

import { DiffWaveError } from '../../core/errors.js'
import { systemCode } from '../../core/system-code.js'
import { type BackendName, backendPackages } from './backend-names.js'
import { registerCpuKernels } from './cpu-kernels.js'
import { registerGradients } from './gradients.js'

/**
 * The packages are CommonJS. To import them would take Node.js 0.4 s more: it would search them for the names that an
 * import could use. For the same reason the modules of this folder require tfjs-core.
 */
const packages = createRequire(import.meta.url)

function unavailable(backend: BackendName, reason: string, hint: string, cause?: unknown): DiffWaveError {
  return new DiffWaveError('ENGINE_UNAVAILABLE', `the tensorflow:${backend} engine is not available: ${reason}`, {
    hint,
    cause,
  })
}

/** The part of a native TensorFlow package that tells which devices it finds. */
interface NativeBackend {
  isUsingGpuDevice?: boolean
  isGPUPackage?: boolean
}

async function loadNativePackage(backend: 'cuda' | 'node'): Promise<void> {
  const name = backendPackages[backend]
  // tfjs-node 4.22 calls this function, which Node 23 removed.
  const utilities = packages('node:util') as Record<string, unknown>
  utilities['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined
  try {
    await import(name)
  } catch (error) {
    const missing =
      ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(systemCode(error)) && String(error).includes(`'${name}'`)
    throw missing
      ? unavailable(backend, `the package ${name} is not installed`, `npm install ${name}`, error)
      : unavailable(
          backend,
          `the package ${name} is installed, but its binary or libraries that it needs are missing`,
          `npm rebuild ${name} (its install script downloads libtensorflow; npm 12 runs it only if approved)`,
          error,
        )
  }
  if (!(await tf.setBackend('tensorflow'))) throw unavailable(backend, 'its backend did not start', 'npm rebuild')
  const device = tf.backend() as unknown as NativeBackend
  if (backend === 'cuda' && !(device.isUsingGpuDevice ?? device.isGPUPackage ?? false)) {
    throw unavailable(backend, 'TensorFlow sees no CUDA device', 'The GPU build needs CUDA 11.2 and cuDNN 8.1.')
  }
}

/** Makes a backend the current one of TensorFlow.js. @throws DiffWaveError `ENGINE_UNAVAILABLE` with the reason */
export async function startBackend(backend: BackendName): Promise<void> {
  registerGradients()
  if (backend === 'cuda' || backend === 'node') return loadNativePackage(backend)
  if (backend === 'wasm') {
    const { setWasmPaths } = packages('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm')
    const folder = dirname(packages.resolve('@tensorflow/tfjs-backend-wasm/package.json'))
    setWasmPaths(`${folder}/dist/`)
  } else {
    packages('@tensorflow/tfjs-backend-cpu')
    registerCpuKernels()
  }
  try {
    if (await tf.setBackend(backend)) return
  } catch (error) {
    throw unavailable(backend, 'its backend did not start', '', error)
  }
  throw unavailable(backend, 'its backend did not start', `npm install ${backendPackages[backend]}`)
}
