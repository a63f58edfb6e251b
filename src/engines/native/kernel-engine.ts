/**
 * An engine on the kernels of native/, whatever they are compiled for. It does one piece of work at a time, off the
 * event loop. The caller's arrays are copied first (snapshot.ts), so the addon only gets arrays that nobody else can
 * change.
 */
import { elementCount, type Tensors } from '../../core/tensor.js'
import type { FrontEndEnvelope } from '../../model/front-end/envelope.js'
import { type NetworkConfig, positionSamples } from '../../model/network.js'
import { outputGain } from '../../model/output-gain.js'
import { checkParameters, parameterCount, parameterSpecs } from '../../model/parameters.js'
import { stepSinusoids } from '../../model/step-embedding.js'
import { backwardByLoss } from '../backward-by-loss.js'
import { checkBatch, checkBatchTypes, checkLossRequest } from '../check-batch.js'
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
import type { Latency } from '../modes.js'
import { gradientsOf, snapshotBatch, snapshotLoss } from '../snapshot.js'
import { predictClips, predictClipsTogether } from '../windowed/predict-clips.js'
import { WindowedStream, type WindowHost } from '../windowed/windowed-stream.js'
import type { WindowRequest } from '../windowed/windows.js'
import type { ClipWork, Handle, KernelAddon } from './addon.js'
import type { FrameChains } from './frame-chain.js'
import type { NativeLosses } from './loss-kernels.js'
import { NativeQueue } from './queue.js'
import { OUT_OF_MEMORY } from './results.js'
import { NativeStream, type Parameters } from './stream.js'
import { StreamQueue } from './stream-queue.js'

/** What `native` and `wasm` pass to make an engine. */
export interface KernelEngineParts {
  /** `native` or `wasm`. */
  readonly name: string
  readonly device: string
  readonly network: NetworkConfig
  readonly addon: KernelAddon
  /** What the addon's `create` returned. */
  readonly handle: Handle
  /** Number of threads of the addon. Default: 1. */
  readonly threads?: number
  /** Whether the addon runs the readable reference, which has no streams. Default: false. */
  readonly isReference?: boolean
  /** The latency that the addon's `create` was asked for. Default: `normal`. */
  readonly latency?: Latency
  readonly parameters: Tensors
  /** Whether the parameters are the engine's from now on, so that it need not copy them. Default: false. */
  readonly ownsParameters?: boolean
  readonly envelope: FrontEndEnvelope | null
  /** Makes what the addon computes besides the network. It waits its turn in the engine's queue. Default: nothing. */
  readonly extras?: (queue: NativeQueue) => KernelExtras
}

/** What an addon may compute besides the network. */
export interface KernelExtras extends Partial<FrameChains>, Partial<NativeLosses> {
  readonly optimiser?: OptimiserKernels
  readonly gaussian?: Engine['gaussian']
  readonly frontEnd?: Engine['frontEnd']
}

export class KernelEngine implements Engine {
  readonly name: string
  readonly device: string
  readonly network: NetworkConfig
  readonly latency: Latency
  readonly optimiser: Engine['optimiser']
  readonly spectralTerms: Engine['spectralTerms']
  readonly gaussian: Engine['gaussian']
  readonly frontEnd: Engine['frontEnd']
  readonly openRefinement: Engine['openRefinement']
  readonly openCorrection: Engine['openCorrection']
  readonly #size: number
  /**
   * These arrays are replaced, never written to, because queued work and open streams keep the ones they started with.
   */
  #parameters: Parameters
  readonly #queue: NativeQueue
  readonly #streams: StreamQueue

  readonly #addon: KernelAddon
  readonly #handle: Handle
  readonly #isReference: boolean
  readonly #envelope: FrontEndEnvelope | null
  readonly #lossKernels: NativeLosses['lossKernels'] | undefined

  constructor(parts: KernelEngineParts) {
    const { name, device, network, addon, handle, isReference = false, parameters, envelope } = parts
    this.name = name
    this.device = device
    this.network = network
    this.latency = parts.latency ?? 'normal'
    this.#addon = addon
    this.#handle = handle
    this.#queue = new NativeQueue({
      name,
      cancelFlag: addon.cancelFlag?.bind(addon),
      whenIdle: addon.releaseFreeMemory?.bind(addon, handle),
    })
    this.#streams = new StreamQueue(addon, handle, this.#queue, parts.threads ?? 1)
    this.#isReference = isReference
    this.#envelope = envelope
    this.#size = parameterCount(network)
    const own = parts.ownsParameters ? asOneArray(network, parameters) : null
    this.#parameters = { data: own ?? this.#flat(parameters), version: 0 }
    const extras = parts.extras?.(this.#queue) ?? {}
    this.optimiser = extras.optimiser
    this.gaussian = extras.gaussian
    this.frontEnd = extras.frontEnd
    this.spectralTerms = extras.spectralTerms
    this.openRefinement = extras.openRefinement
    this.openCorrection = extras.openCorrection
    this.#lossKernels = extras.lossKernels
  }

  async predict(batch: PredictRequest): Promise<Float32Array[]> {
    this.#queue.checkAlive()
    checkBatchTypes(batch)
    const request = snapshotBatch(batch)
    checkBatch(this.network, request)
    const open = (stream: StreamRequest) => this.openStream(stream)
    return this.#isReference ? predictClips(request, open) : predictClipsTogether(request, open)
  }

  async lossGradients(batch: LossRequest): Promise<LossGradients> {
    this.#queue.checkAlive()
    checkBatchTypes(batch, ['audio', 'steps', 'target'])
    const request = snapshotLoss(batch)
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
    this.#queue.checkAlive()
    checkBatchTypes(batch)
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
      const kernels = this.#lossKernels?.(cancelled, request.signal) ?? null
      const gradients = await gradientsOf(request, predictions, kernels)
      checkLossRequest(this.network, { ...request, target: gradients, loss: 'l2' })
      const work = { clips: clips.map((clip, i) => ({ ...clip, target: gradients[i]! })), parameters, cancelled }
      return this.#addon.runBackward(this.#handle, { ...work, gradients: flat })
    }, request.signal)
    // The two halves need memory for the whole batch at once. If it does not fit, `backwardByLoss` does the same by
    // `lossGradients`, which can run in parts.
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
      deviations: this.#envelope?.deviations(mel![i]!, samples.length / unit),
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
    const { network, latency } = this
    const envelope = this.#envelope
    const queue = this.#queue
    queue.checkAlive()
    if (this.#isReference) {
      const checkAlive = () => queue.checkAlive()
      const predictWindow: WindowHost['predictWindow'] = (window, signal) => this.#predictWindow(window, signal)
      return new WindowedStream({ network, envelope, predictWindow, checkAlive }, request)
    }
    const addon = this.#addon
    const handle = this.#handle
    const parameters = this.#parameters
    const streams = this.#streams
    const host = { network, latency, envelope, addon, handle, queue, streams, parameters }
    return new NativeStream(host, request)
  }

  /**
   * Packs the weights for streams while the caller goes on. If there is too little memory, the first stream reports it.
   */
  async prepare(): Promise<void> {
    this.#queue.checkAlive()
    const { data, version } = this.#parameters
    if (this.#isReference || this.#addon.packWeights === undefined) return
    await this.#queue.after(() => this.#addon.packWeights!(this.#handle, data, version))
  }

  async setParameters(parameters: Tensors): Promise<void> {
    this.#queue.checkAlive()
    const checked = checkParameters(this.network, parameters, 'setParameters')
    this.#parameters = { data: this.#flat(checked), version: this.#parameters.version + 1 }
  }

  dispose(): Promise<void> {
    return this.#queue.end(() => this.#addon.dispose(this.#handle))
  }

  /** The readable reference runs one window at a time and keeps nothing between calls. */
  async #predictWindow(
    { audio, step, label, mel, deviations }: WindowRequest,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array> {
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
    await this.#queue.run(cancelled => this.#addon.run(this.#handle, { clips: [clip], parameters, cancelled }), signal)
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
}

/**
 * The parameters as one array, if they already lie one after the other in memory, as in a file of weights; else null.
 */
function asOneArray(network: NetworkConfig, parameters: Tensors): Float32Array | null {
  const arrays = parameterSpecs(network).map(({ name }) => parameters.get(name)!.data)
  const { buffer, byteOffset } = arrays[0]!
  let end = byteOffset
  for (const array of arrays) {
    if (array.buffer !== buffer || array.byteOffset !== end) return null
    end += array.byteLength
  }
  return new Float32Array(buffer, byteOffset, (end - byteOffset) / Float32Array.BYTES_PER_ELEMENT)
}
