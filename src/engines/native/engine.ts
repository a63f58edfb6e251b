/**
 * The native CPU engine: own C++ kernels behind Node-API (native/), off the event loop, one piece of work at a time.
 * The addon gets only arrays that were made here: what a caller hands in is copied first (snapshot.ts).
 */
import type { MelConvention } from '../../audio/mel/convention.js'
import { DiffWaveError } from '../../core/errors.js'
import { elementCount, type Tensors } from '../../core/tensor.js'
import { envelopeOf, type FrontEndEnvelope } from '../../model/front-end/envelope.js'
import { type NetworkConfig, positionSamples } from '../../model/network.js'
import { outputGain } from '../../model/output-gain.js'
import { checkParameters, parameterCount, parameterSpecs } from '../../model/parameters.js'
import { stepSinusoids } from '../../model/step-embedding.js'
import { backwardByLoss } from '../backward-by-loss.js'
import { checkBatch, checkLossRequest } from '../check-batch.js'
import type {
  BackwardRequest,
  ClipBatch,
  Engine,
  LossGradients,
  LossRequest,
  NoiseStream,
  OptimiserKernels,
  PredictRequest,
  StreamRequest,
} from '../engine.js'
import { snapshot, snapshotBatch } from '../snapshot.js'
import { predictClips } from '../windowed/predict-clips.js'
import { WindowedStream } from '../windowed/windowed-stream.js'
import type { WindowRequest } from '../windowed/windows.js'
import { type Addon, availableThreads, type ClipWork, type Handle, loadAddon, networkShape } from './addon.js'
import { OUT_OF_MEMORY } from './constants.js'
import { nativeOptimiser } from './optimiser.js'
import { NativeQueue } from './queue.js'
import { NativeStream, type Parameters } from './stream.js'

/** Instruction sets the kernels are compiled for; `scalar` is the readable reference. */
export const instructionSets = ['amx', 'avx512', 'avx2', 'baseline', 'neon', 'scalar'] as const
export type InstructionSet = (typeof instructionSets)[number]

export interface NativeOptions {
  readonly network: NetworkConfig
  readonly parameters: Tensors
  /** Of the mels, for a network whose front end has an envelope. Default: none. */
  readonly convention?: MelConvention | null
  readonly threads?: number
  readonly instructionSet?: InstructionSet
  /** Bytes of working memory; what a batch takes is stated in native/training/training.h. Default: 2 GiB. */
  readonly memoryLimit?: number
}

const DEFAULT_MEMORY_LIMIT = 2 ** 31

class NativeEngine implements Engine {
  readonly name = 'native'
  readonly optimiser?: OptimiserKernels
  readonly #size: number
  /** Never written to again once they are here: work that was asked before, and open streams, keep their own. */
  #parameters: Parameters
  readonly #queue = new NativeQueue()
  #disposed = false

  readonly #addon: Addon
  readonly #handle: Handle
  readonly #isReference: boolean
  readonly #envelope: FrontEndEnvelope | null

  constructor(
    readonly network: NetworkConfig,
    readonly device: string,
    addon: Addon,
    handle: Handle,
    isReference: boolean,
    parameters: Tensors,
    envelope: FrontEndEnvelope | null,
  ) {
    this.#addon = addon
    this.#handle = handle
    this.#isReference = isReference
    this.#envelope = envelope
    this.#size = parameterCount(network)
    this.#parameters = { data: this.#flat(parameters), version: 0 }
    if (!isReference) this.optimiser = nativeOptimiser(addon, handle, this.#queue)
  }

  async predict(batch: PredictRequest): Promise<Float32Array[]> {
    this.#checkAlive()
    const request = snapshotBatch(batch)
    checkBatch(this.network, request)
    return predictClips(request, stream => this.openStream(stream))
  }

  async lossGradients(batch: LossRequest): Promise<LossGradients> {
    this.#checkAlive()
    const request = {
      ...snapshotBatch(batch),
      target: batch.target.map(snapshot),
      ...(batch.weight === undefined ? {} : { weight: batch.weight.map(snapshot) }),
    }
    checkLossRequest(this.network, request)
    const clips = this.#clipWorks(request).map((clip, i) => ({
      ...clip,
      target: request.target[i]!,
      weight: request.weight?.[i],
    }))
    const flat = new Float32Array(this.#size)
    const clipLosses = new Float32Array(clips.length)
    const work = {
      clips,
      squared: request.loss === 'l2',
      gradients: flat,
      clipLosses,
      parameters: this.#parameters.data,
    }
    const mean = await this.#queue.run(
      cancelled => this.#addon.run(this.#handle, { ...work, cancelled }),
      request.signal,
    )
    return { loss: mean, clipLosses, gradients: this.#byName(flat) }
  }

  async backward(batch: BackwardRequest): Promise<ReadonlyMap<string, Float32Array>> {
    this.#checkAlive()
    const request = snapshotBatch(batch)
    checkBatch(this.network, request)
    if (this.#isReference) return backwardByLoss(this, request)
    const predictions = request.audio.map(audio => new Float32Array(audio.length))
    const clips = this.#clipWorks(request)
    const withRoom = clips.map((clip, i) => ({ ...clip, prediction: predictions[i]! }))
    const parameters = this.#parameters.data
    const flat = new Float32Array(this.#size)
    let fits = true
    await this.#queue.run(async cancelled => {
      const forward = await this.#addon.runForward(this.#handle, { clips: withRoom, parameters, cancelled })
      fits = forward !== OUT_OF_MEMORY
      if (forward < 0) return fits ? forward : 0
      const gradients = request.gradientOf(predictions).map(snapshot)
      checkLossRequest(this.network, { ...request, target: gradients, loss: 'l2' })
      const work = { clips: clips.map((clip, i) => ({ ...clip, target: gradients[i]! })), parameters, cancelled }
      return this.#addon.runBackward(this.#handle, { ...work, gradients: flat })
    }, request.signal)
    // Both halves keep the whole batch; what knows its loss runs in parts.
    return fits ? this.#byName(flat) : backwardByLoss(this, request)
  }

  #clipWorks({ audio, steps, mel, labels }: ClipBatch): ClipWork[] {
    const { size } = this.network.stepEmbedding
    const sinusoids = stepSinusoids(this.network.stepEmbedding, steps)
    const unit = positionSamples(this.network)
    return audio.map((samples, i) => ({
      audio: samples,
      sinusoids: sinusoids.slice(i * size, (i + 1) * size),
      gain: outputGain(this.network, steps[i]!),
      mel: mel?.[i]?.data,
      frames: mel?.[i]?.frames ?? 0,
      melOffset: 0,
      deviations: this.#envelope?.whole(mel![i]!, samples.length / unit),
      label: labels?.[i] ?? -1,
    }))
  }

  #byName(flat: Float32Array): Map<string, Float32Array> {
    const gradients = new Map<string, Float32Array>()
    let at = 0
    for (const { name, shape } of parameterSpecs(this.network)) {
      const count = elementCount(shape)
      gradients.set(name, flat.subarray(at, at + count))
      at += count
    }
    return gradients
  }

  openStream(request: StreamRequest): NoiseStream {
    this.#checkAlive()
    if (this.#isReference) {
      return new WindowedStream(this.network, request, window => this.#predictWindow(window), this.#envelope)
    }
    const { network } = this
    const addon = this.#addon
    const handle = this.#handle
    const queue = this.#queue
    const parameters = this.#parameters
    const envelope = this.#envelope
    const checkAlive = () => this.#checkAlive()
    return new NativeStream({ network, envelope, addon, handle, queue, parameters, checkAlive }, request)
  }

  async setParameters(parameters: Tensors): Promise<void> {
    this.#checkAlive()
    const checked = checkParameters(this.network, parameters, 'setParameters')
    this.#parameters = { data: this.#flat(checked), version: this.#parameters.version + 1 }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.#queue.after(() => this.#addon.dispose(this.#handle))
  }

  /** The readable reference runs windows: it keeps nothing between calls. */
  async #predictWindow({ audio, step, label, mel, deviations }: WindowRequest): Promise<Float32Array> {
    this.#checkAlive()
    const prediction = new Float32Array(audio.length)
    const clip: ClipWork = {
      audio,
      prediction,
      sinusoids: stepSinusoids(this.network.stepEmbedding, [step]),
      gain: outputGain(this.network, step),
      mel: mel?.data,
      frames: mel?.frames ?? 0,
      melOffset: mel?.firstSample ?? 0,
      deviations: deviations ?? undefined,
      label: label ?? -1,
    }
    const parameters = this.#parameters.data
    await this.#queue.run(cancelled => this.#addon.run(this.#handle, { clips: [clip], parameters, cancelled }))
    return prediction
  }

  #flat(parameters: Tensors): Float32Array {
    const flat = new Float32Array(this.#size)
    let at = 0
    for (const { name, shape } of parameterSpecs(this.network)) {
      flat.set(parameters.get(name)!.data, at)
      at += elementCount(shape)
    }
    return flat
  }

  #checkAlive(): void {
    if (this.#disposed) throw new DiffWaveError('DISPOSED', 'the engine was disposed')
  }
}

/** @throws DiffWaveError `ENGINE_UNAVAILABLE`, `BAD_PARAMETERS` */
export async function createNativeEngine(options: NativeOptions): Promise<Engine> {
  const { network, parameters, threads = availableThreads(), memoryLimit = DEFAULT_MEMORY_LIMIT } = options
  const addon = loadAddon()
  const checked = checkParameters(network, parameters, 'createEngine')
  const envelope = envelopeOf(network, options.convention ?? null)
  const present = addon.targets()
  const instructionSet = options.instructionSet ?? present[0]!
  if (instructionSet !== 'scalar' && !present.includes(instructionSet)) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `this processor does not run ${instructionSet}`, {
      expected: `${present.join(', ')} or scalar`,
      got: instructionSet,
    })
  }
  const handle = addon.create({ shape: networkShape(network), instructionSet, threads, memoryLimit })
  const device = `CPU, ${instructionSet}, ${threads} thread${threads === 1 ? '' : 's'}`
  return new NativeEngine(network, device, addon, handle, instructionSet === 'scalar', checked, envelope)
}

/**
 * FLOP/s that multiply-adds on registers alone reach: the measure that a kernel's speed is held against. Blocks for
 * some tenths of a second.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`
 */
export function measurePeak(instructionSet: Exclude<InstructionSet, 'scalar'>, threads = availableThreads()): number {
  return loadAddon().measurePeak(instructionSet, threads)
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
