/**
 * An engine whose network ends with a correction towards the mel (`frontEnd.correction`): the last layer, without
 * parameters, around any engine that runs the layers before it.
 */
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { type CorrectionSettings, MelCorrection } from '../../audio/mel/correction.js'
import { DiffWaveError } from '../../core/errors.js'
import type { Tensors } from '../../core/tensor.js'
import type { NetworkConfig } from '../../model/network.js'
import { checkBatchTypes, checkLossRequest } from '../check-batch.js'
import type {
  BackwardRequest,
  Engine,
  FrameStream,
  LossGradients,
  LossRequest,
  NoiseStream,
  PredictRequest,
  StreamRequest,
} from '../engine.js'
import type { CorrectedClips } from '../loss-kernels.js'
import type { Latency } from '../modes.js'
import { gradientsOf, snapshotBatch, snapshotLoss } from '../snapshot.js'
import { CorrectedStream } from './corrected-stream.js'
import { ReadableCorrection } from './readable-correction.js'

class CorrectedEngine implements Engine {
  readonly #inner: Engine
  readonly #convention: MelConvention
  readonly #settings: CorrectionSettings
  readonly #correction: MelCorrection
  /** The engine's own correction, or the readable one. */
  readonly #openCorrection: () => FrameStream

  readonly prepare: Engine['prepare']
  readonly optimiser: Engine['optimiser']
  readonly spectralTerms: Engine['spectralTerms']
  readonly gaussian: Engine['gaussian']
  readonly openRefinement: Engine['openRefinement']
  readonly frontEnd: Engine['frontEnd']

  constructor(inner: Engine, convention: MelConvention, settings: CorrectionSettings) {
    const correction = new MelCorrection(convention, settings)
    this.#inner = inner
    this.#convention = convention
    this.#settings = settings
    this.prepare = inner.prepare?.bind(inner)
    this.optimiser = inner.optimiser
    this.spectralTerms = inner.spectralTerms
    this.gaussian = inner.gaussian
    this.openRefinement = inner.openRefinement
    this.frontEnd = inner.frontEnd
    this.#correction = correction
    this.#openCorrection = () => inner.openCorrection?.(convention, settings) ?? new ReadableCorrection(correction)
  }

  get name(): string {
    return this.#inner.name
  }

  get device(): string {
    return this.#inner.device
  }

  get latency(): Latency {
    return this.#inner.latency ?? 'normal'
  }

  get network(): NetworkConfig {
    return this.#inner.network
  }

  async predict(batch: PredictRequest): Promise<Float32Array[]> {
    checkBatchTypes(batch)
    const request = snapshotBatch(batch)
    const outputs = await this.#inner.predict(request)
    const results: Float32Array[] = []
    for (const [i, output] of outputs.entries()) {
      results.push(await this.#corrected(output, request.mel![i]!, request.signal))
    }
    return results
  }

  /** A whole clip. */
  async #corrected(output: Float32Array, mel: Mel, signal: AbortSignal | undefined): Promise<Float32Array> {
    const correction = this.#openCorrection()
    try {
      correction.pushMel(mel)
      return await correction.push(output, true, signal)
    } finally {
      correction.dispose()
    }
  }

  async lossGradients(batch: LossRequest): Promise<LossGradients> {
    checkBatchTypes(batch, ['audio', 'steps', 'target'])
    const request = snapshotLoss(batch)
    checkLossRequest(this.network, request)
    const samples = request.audio.reduce((sum, clip) => sum + clip.length, 0)
    const clipLosses = new Float32Array(request.audio.length)
    let loss = 0
    const gradients = await this.backward({
      ...request,
      gradientOf: outputs =>
        outputs.map((output, i) => {
          const found = lossOf(output, request.target[i]!, request.weight?.[i], request.loss)
          clipLosses[i] = found.sum / output.length
          loss += found.sum / samples
          return found.gradient.map(g => g / samples)
        }),
    })
    return { loss, clipLosses, gradients }
  }

  async backward(batch: BackwardRequest): Promise<ReadonlyMap<string, Float32Array>> {
    checkBatchTypes(batch)
    const request = snapshotBatch(batch)
    return this.#inner.backward({
      ...request,
      gradientOf: async (outputs, kernels) => {
        const corrected = await (kernels === null
          ? this.#readablyCorrected(outputs, request.mel!)
          : kernels.correct(this.#convention, this.#settings, outputs, request.mel!))
        const gradients = await gradientsOf(request, corrected.audio, kernels)
        checkLossRequest(this.network, { ...request, target: gradients, loss: 'l2' })
        return corrected.gradients(gradients)
      },
    })
  }

  #readablyCorrected(outputs: readonly Float32Array[], mels: readonly Mel[]): CorrectedClips {
    const correction = this.#correction
    return {
      audio: outputs.map((output, i) => correction.correct(output, mels[i]!)),
      gradients: async byResult => outputs.map((output, i) => correction.gradient(output, mels[i]!, byResult[i]!)),
    }
  }

  openStream(request: StreamRequest): NoiseStream {
    const inner = this.#inner.openStream(request)
    const corrections: FrameStream[] = []
    try {
      while (corrections.length < request.steps.length) corrections.push(this.#openCorrection())
    } catch (error) {
      for (const opened of [inner, ...corrections]) opened.dispose()
      throw error
    }
    return new CorrectedStream(inner, corrections, this.#correction.lag)
  }

  setParameters(parameters: Tensors): Promise<void> {
    return this.#inner.setParameters(parameters)
  }

  dispose(): Promise<void> {
    return this.#inner.dispose()
  }
}

/** Sum of a clip's loss terms, and its gradient by the output. */
function lossOf(
  output: Float32Array,
  target: Float32Array,
  weight: Float32Array | undefined,
  loss: LossRequest['loss'],
): { readonly sum: number; readonly gradient: Float32Array } {
  let sum = 0
  const gradient = output.map((value, n) => {
    const error = value - target[n]!
    const w = weight?.[n] ?? 1
    sum += w * (loss === 'l1' ? Math.abs(error) : error * error)
    return w * (loss === 'l1' ? Math.sign(error) : 2 * error)
  })
  return { sum, gradient }
}

/**
 * The engine, with the correction that its network's config asks for.
 *
 * @param convention of the mels
 * @throws DiffWaveError `BAD_OPTION` if the network needs a mel convention and there is none
 */
export function withCorrection(engine: Engine, convention: MelConvention | null): Engine {
  const correction = engine.network.frontEnd?.correction ?? null
  if (correction === null) return engine
  if (convention === null) {
    throw new DiffWaveError('BAD_OPTION', 'this network needs a mel convention for its correction')
  }
  return new CorrectedEngine(engine, convention, correction)
}
