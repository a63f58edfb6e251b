/** The native CPU engine: own C++ kernels behind Node-API (native/), off the event loop, one piece of work at a time. */
import { DiffWaveError, throwIfAborted } from '../errors.js'
import type { NetworkConfig } from '../model/config.js'
import { checkParameters, parameterCount, parameterSpecs } from '../model/parameters.js'
import { stepSinusoids } from '../model/step-embedding.js'
import { elementCount, type Tensors } from '../tensor.js'
import { checkBatch, checkLossRequest } from './check-batch.js'
import type { Engine, LossGradients, LossRequest, NoiseRequest, NoiseStream, StreamRequest } from './engine.js'
import { type Addon, availableThreads, type ClipWork, type Handle, loadAddon, shapeNumbers } from './native-addon.js'
import { predictClips } from './predict-clips.js'
import { WindowedStream } from './windowed-stream.js'
import type { WindowRequest } from './windows.js'

/** Instruction sets the kernels are compiled for; `scalar` is the readable reference. */
export const instructionSets = ['avx512', 'avx2', 'baseline', 'neon', 'scalar'] as const
export type InstructionSet = (typeof instructionSets)[number]

export interface NativeOptions {
  readonly network: NetworkConfig
  readonly parameters: Tensors
  readonly threads?: number
  readonly instructionSet?: InstructionSet
  /** Bytes of working memory; what a batch takes is stated in native/training.h. Default: 2 GiB. */
  readonly memoryLimit?: number
}

const DEFAULT_MEMORY_LIMIT = 2 ** 31

class NativeEngine implements Engine {
  readonly name = 'native'
  private readonly size: number
  private readonly parameters: Float32Array
  /** The end of the queue: the addon does one thing at a time. */
  private last: Promise<unknown> = Promise.resolve()
  private disposed = false

  constructor(
    readonly network: NetworkConfig,
    readonly device: string,
    private readonly addon: Addon,
    private readonly handle: Handle,
    parameters: Tensors,
  ) {
    this.size = parameterCount(network)
    this.parameters = new Float32Array(this.size)
    this.copyParameters(parameters)
  }

  async predictNoise(request: NoiseRequest): Promise<Float32Array[]> {
    this.checkAlive()
    checkBatch(this.network, request)
    return predictClips(request, stream => this.openStream(stream))
  }

  async lossGradients(request: LossRequest): Promise<LossGradients> {
    this.checkAlive()
    checkLossRequest(this.network, request)
    const { size } = this.network.stepEmbedding
    const sinusoids = stepSinusoids(this.network.stepEmbedding, request.steps)
    const clips = request.audio.map(
      (audio, i): ClipWork => ({
        audio,
        target: request.target[i]!,
        weight: request.weight?.[i],
        sinusoids: sinusoids.slice(i * size, (i + 1) * size),
        mel: request.mel?.[i]?.data,
        frames: request.mel?.[i]?.frames ?? 0,
        melOffset: 0,
        label: request.labels?.[i] ?? -1,
      }),
    )
    const flat = new Float32Array(this.size)
    const clipLosses = new Float32Array(clips.length)
    const loss = await this.run({ clips, squared: request.loss === 'l2', gradients: flat, clipLosses }, request.signal)
    const gradients = new Map<string, Float32Array>()
    let at = 0
    for (const { name, shape } of parameterSpecs(this.network)) {
      const count = elementCount(shape)
      gradients.set(name, flat.subarray(at, at + count))
      at += count
    }
    return { loss, clipLosses, gradients }
  }

  openStream(request: StreamRequest): NoiseStream {
    this.checkAlive()
    return new WindowedStream(this.network, request, window => this.predictWindow(window))
  }

  async setParameters(parameters: Tensors): Promise<void> {
    this.checkAlive()
    const checked = checkParameters(this.network, parameters, 'setParameters')
    await this.queued(async () => this.copyParameters(checked))
  }

  async dispose(): Promise<void> {
    if (this.disposed) return
    this.disposed = true
    await this.last.catch(() => undefined)
    this.addon.dispose(this.handle)
  }

  private async predictWindow({ audio, step, label, mel }: WindowRequest): Promise<Float32Array> {
    const noise = new Float32Array(audio.length)
    const clip: ClipWork = {
      audio,
      noise,
      sinusoids: stepSinusoids(this.network.stepEmbedding, [step]),
      mel: mel?.data,
      frames: mel?.frames ?? 0,
      melOffset: mel?.firstSample ?? 0,
      label: label ?? -1,
    }
    await this.run({ clips: [clip] })
    return noise
  }

  /** Runs one batch after what was asked before. @throws DiffWaveError `ABORTED`, `DISPOSED`, `ENGINE_FAILED` */
  private async run(
    work: {
      readonly clips: readonly ClipWork[]
      readonly squared?: boolean
      readonly gradients?: Float32Array
      readonly clipLosses?: Float32Array
    },
    signal?: AbortSignal,
  ): Promise<number> {
    throwIfAborted(signal)
    const cancelled = new Uint8Array(1)
    const cancel = () => cancelled.fill(1)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const result = await this.queued(() => {
        throwIfAborted(signal)
        return this.addon.run(this.handle, { ...work, parameters: this.parameters, cancelled })
      })
      throwIfAborted(signal)
      if (result === -2) {
        throw new DiffWaveError('ENGINE_FAILED', 'the native engine’s working memory does not suffice for this batch', {
          hint: 'Take shorter clips, or allow more memory.',
        })
      }
      return result
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  private queued<Result>(body: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(body)
    this.last = result.catch(() => undefined)
    return result
  }

  private copyParameters(parameters: Tensors): void {
    let at = 0
    for (const { name, shape } of parameterSpecs(this.network)) {
      this.parameters.set(parameters.get(name)!.data, at)
      at += elementCount(shape)
    }
  }

  private checkAlive(): void {
    if (this.disposed) throw new DiffWaveError('DISPOSED', 'the engine was disposed')
  }
}

/** @throws DiffWaveError `ENGINE_UNAVAILABLE`, `BAD_PARAMETERS` */
export async function createNativeEngine(options: NativeOptions): Promise<Engine> {
  const { network, parameters, threads = availableThreads(), memoryLimit = DEFAULT_MEMORY_LIMIT } = options
  const addon = loadAddon()
  const checked = checkParameters(network, parameters, 'createEngine')
  const present = addon.targets()
  const instructionSet = options.instructionSet ?? present[0]!
  if (instructionSet !== 'scalar' && !present.includes(instructionSet)) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `this processor does not run ${instructionSet}`, {
      expected: `${present.join(', ')} or scalar`,
      got: instructionSet,
    })
  }
  const handle = addon.create(shapeNumbers(network), instructionSet, threads, memoryLimit)
  const device = `CPU, ${instructionSet}, ${threads} thread${threads === 1 ? '' : 's'}`
  return new NativeEngine(network, device, addon, handle, checked)
}

/** Whether the engine runs here, and if not, why. */
export function surveyNative(): {
  readonly available: boolean
  readonly reason: string
  readonly device: string
  readonly instructionSets: readonly InstructionSet[]
} {
  try {
    const present = new Set<string>(loadAddon().targets())
    const found = instructionSets.filter(name => present.has(name) || name === 'scalar')
    return { available: true, reason: '', device: `CPU, ${found[0]}`, instructionSets: found }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { available: false, reason, device: 'CPU', instructionSets: [] }
  }
}
