/**
 * The TensorFlow.js engine: the network of src/engines/tensorflow/network.ts in a worker thread, on any of its
 * backends.
 */
import { createRequire } from 'node:module'
import { defined } from '../../core/defined.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { Tensors } from '../../core/tensor.js'
import { envelopeOf, type FrontEndEnvelope } from '../../model/front-end/envelope.js'
import { type NetworkConfig, positionSamples } from '../../model/network.js'
import { checkParameters } from '../../model/parameters.js'
import { backwardByLoss } from '../backward-by-loss.js'
import { checkBatch, checkLossRequest } from '../check-batch.js'
import type {
  BackwardRequest,
  Engine,
  LossGradients,
  LossRequest,
  NoiseStream,
  PredictRequest,
  RunnableNetwork,
  StreamRequest,
} from '../engine.js'
import { snapshotBatch, snapshotLoss } from '../snapshot.js'
import { predictClips } from '../windowed/predict-clips.js'
import { WindowedStream } from '../windowed/windowed-stream.js'
import { type BackendName, backendPackages, corePackage } from './backend-names.js'
import type { WorkerStart } from './messages.js'
import { type EngineThread, WorkerClient } from './worker-client.js'

export interface TensorflowOptions extends RunnableNetwork {
  readonly backend: BackendName
}

const devices: Readonly<Record<BackendName, string>> = {
  cuda: 'CUDA, by @tensorflow/tfjs-node-gpu',
  node: 'CPU, by @tensorflow/tfjs-node',
  wasm: 'CPU, WebAssembly, 1 thread',
  cpu: 'CPU, plain JavaScript, 1 thread',
}

class TensorflowEngine implements Engine {
  readonly name: string
  readonly device: string

  readonly #worker: WorkerClient
  readonly #envelope: FrontEndEnvelope | null

  constructor(
    readonly network: NetworkConfig,
    backend: BackendName,
    worker: WorkerClient,
    envelope: FrontEndEnvelope | null,
  ) {
    this.#worker = worker
    this.#envelope = envelope
    this.name = `tensorflow:${backend}`
    this.device = devices[backend]
  }

  async predict(request: PredictRequest): Promise<Float32Array[]> {
    this.#worker.checkAlive()
    checkBatch(this.network, request)
    return predictClips(snapshotBatch(request), stream => this.openStream(stream))
  }

  backward(request: BackwardRequest): Promise<ReadonlyMap<string, Float32Array>> {
    return backwardByLoss(this, request)
  }

  async lossGradients(request: LossRequest): Promise<LossGradients> {
    this.#worker.checkAlive()
    checkLossRequest(this.network, request)
    throwIfAborted(request.signal)
    // Copies are sent, because a view would take its whole buffer to the thread.
    const { audio, steps, mel, labels, target, weight, loss } = snapshotLoss(request)
    const envelope = this.#envelope
    const unit = positionSamples(this.network)
    const own = {
      audio,
      steps,
      target,
      loss,
      ...defined({ mel, labels, weight }),
      deviations: envelope && audio.map((clip, i) => envelope.deviations(mel![i]!, clip.length / unit)),
    }
    return (await this.#worker.ask<'loss'>({ kind: 'loss', request: own }, request.signal)).result
  }

  openStream(request: StreamRequest): NoiseStream {
    const worker = this.#worker
    worker.checkAlive()
    return new WindowedStream(
      {
        network: this.network,
        envelope: this.#envelope,
        predictWindow: async (window, signal) =>
          (await worker.ask<'window'>({ kind: 'window', request: window }, signal)).output,
        checkAlive: () => worker.checkAlive(),
      },
      request,
    )
  }

  async setParameters(parameters: Tensors): Promise<void> {
    this.#worker.checkAlive()
    const checked = checkParameters(this.network, parameters, 'setParameters')
    await this.#worker.ask<'parameters'>({ kind: 'parameters', parameters: checked })
  }

  /** The number of tensors that TensorFlow.js holds. If it grows from call to call, there is a leak. */
  async tensorCount(): Promise<number> {
    return (await this.#worker.ask<'memory'>({ kind: 'memory' })).tensors
  }

  dispose(): Promise<void> {
    return this.#worker.dispose()
  }
}

export type { TensorflowEngine }

/**
 * Checks that the optional packages are installed before a thread is started.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`
 */
function refuseMissingPackages(backend: BackendName): void {
  const { resolve } = createRequire(import.meta.url)
  const missing = [backendPackages[backend], corePackage].filter(name => !isInstalled(resolve, name))
  if (missing.length === 0) return
  // npm brings tfjs-core with the other package.
  const [name] = missing
  const problem = `the tensorflow:${backend} engine is not available: ${name} is not installed`
  throw new DiffWaveError('ENGINE_UNAVAILABLE', problem, { hint: `npm install ${name}` })
}

function isInstalled(resolve: NodeJS.RequireResolve, name: string): boolean {
  try {
    resolve(name)
    return true
  } catch {
    return false
  }
}

/** Creates an engine. @throws DiffWaveError `ENGINE_UNAVAILABLE` with the reason; `BAD_PARAMETERS` */
export async function createTensorflowEngine(
  { network, parameters, backend, convention = null }: TensorflowOptions,
  ownThread?: (start: WorkerStart) => EngineThread,
): Promise<TensorflowEngine> {
  // First: on most machines, `auto` finds no package and goes on.
  refuseMissingPackages(backend)
  const checked = checkParameters(network, parameters, 'createEngine')
  const envelope = envelopeOf(network, convention)
  const worker = await WorkerClient.start({ backend, network, parameters: checked }, ownThread)
  return new TensorflowEngine(network, backend, worker, envelope)
}

/** Tells whether a backend is available on this machine, and if not, why. */
export async function surveyTensorflow(
  backend: BackendName,
): Promise<{ readonly available: boolean; readonly reason: string; readonly device: string }> {
  const network: NetworkConfig = {
    channels: 1,
    layers: 1,
    dilationCycle: 1,
    patch: 1,
    frontEnd: null,
    inputMask: null,
    stepEmbedding: { frequencies: 'inverse', fractional: 'direct', size: 4, hidden: 1 },
    gate: 'sigmoid-tanh',
    residual: 'before-step',
    mel: null,
    labels: null,
  }
  try {
    refuseMissingPackages(backend)
    const worker = await WorkerClient.start({ backend, network, parameters: new Map() })
    await worker.dispose()
    return { available: true, reason: '', device: devices[backend] }
  } catch (error) {
    const reason = error instanceof DiffWaveError ? error.message : String(error)
    const hint = error instanceof DiffWaveError && error.hint ? ` (${error.hint})` : ''
    return { available: false, reason: `${reason}${hint}`, device: devices[backend] }
  }
}
