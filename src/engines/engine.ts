/**
 * The interface of an engine. An engine runs one network on one compute device. Samplers, pipelines and the trainer
 * know only this interface, and all engines pass the same conformance tests (test/engines/conformance.ts).
 *
 * The length of audio is a whole number of positions: a multiple of the network's `patch`, or of its front end's
 * stride. With a mel it is at most frames × hop samples. Steps are diffusion steps of the training schedule, and may be
 * fractional.
 *
 * A signal stops the work at the next layer of the network at the latest, also that of a loss and its gradients.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { CorrectionSettings } from '../audio/mel/correction.js'
import type { Refinement } from '../audio/mel/phase-refinement.js'
import type { Tensors } from '../core/tensor.js'
import type { FrontEndKernels } from '../model/front-end/kernels.js'
import type { NetworkConfig } from '../model/network.js'
import type { ComputeTerms, LossKernels } from './loss-kernels.js'
import type { Latency } from './modes.js'

/** A network for an engine to run. */
export interface RunnableNetwork {
  readonly network: NetworkConfig
  readonly parameters: Tensors
  /** Convention of the mels. Networks whose front end has an envelope or a correction need it. Default: null, none. */
  readonly convention?: MelConvention | null | undefined
  /**
   * Whether the engine may keep the parameters' memory instead of copying it. Engines that need a copy make one anyway.
   * Default: false.
   */
  readonly ownsParameters?: boolean | undefined
}

/** A batch of whole clips, each with its own length, and their conditioning. */
export interface ClipBatch {
  /** Noisy audio x_t, one array per clip. */
  readonly audio: readonly Float32Array[]
  /** One diffusion step per clip. */
  readonly steps: ArrayLike<number>
  /** One mel per clip, if the network takes mels. */
  readonly mel?: readonly Mel[]
  /** One label index per clip, if the network takes labels; null for no label. */
  readonly labels?: readonly (number | null)[]
}

/** The argument of `Engine.predict`. */
export interface PredictRequest extends ClipBatch {
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** The argument of `Engine.lossGradients`: clips and what the network should return for them. */
export interface LossRequest extends ClipBatch {
  /** What the network should return: one array per clip, as long as its audio. */
  readonly target: readonly Float32Array[]
  /** The loss: the mean, over all samples of the batch, of |output − target| (`l1`) or of (output − target)² (`l2`). */
  readonly loss: 'l1' | 'l2'
  /**
   * Weight of each sample, one array per clip. The mean still divides by the number of samples. Default: 1 everywhere.
   */
  readonly weight?: readonly Float32Array[]
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** The result of `Engine.lossGradients`. */
export interface LossGradients {
  /** Mean over all samples of the batch. */
  readonly loss: number
  /** The loss of each clip alone, in the order of the batch. */
  readonly clipLosses: Float32Array
  /** ∂loss/∂parameter by the name of the parameter, with the parameter's layout. */
  readonly gradients: ReadonlyMap<string, Float32Array>
}

/** The argument of `Engine.backward`: clips, and a loss that the caller computes. */
export interface BackwardRequest extends ClipBatch {
  /**
   * Returns ∂loss/∂output of each clip. It is called once with the outputs of all clips, and with the engine's own
   * kernels for losses; null if it has none. It must not call other methods of the engine, which would wait for this
   * call to end.
   */
  readonly gradientOf: (
    outputs: readonly Float32Array[],
    kernels: LossKernels | null,
  ) => readonly Float32Array[] | Promise<readonly Float32Array[]>
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** The argument of `Engine.openStream`: a clip to denoise piece by piece. */
export interface StreamRequest {
  /** The diffusion step of each pass, in the order of the passes. */
  readonly steps: readonly number[]
  /** Index of the label. Default: null, no label. */
  readonly label?: number | null
}

/**
 * One clip that is denoised in several passes, in bounded memory. Each pass is fed the audio in order, in chunks of any
 * size, and returns the output of the samples that are now final: those whose whole receptive field it has seen. The
 * result does not depend on the chunks.
 */
export interface NoiseStream {
  /** Max number of samples by which the output of a pass lags behind its input. */
  readonly latency: number
  /**
   * Appends mel frames. The audio of frame f may be fed once all frames up to f + melContext, or the last frame, have
   * arrived.
   *
   * @param mel with any number of frames
   * @param last whether these are the last frames
   */
  pushMel(mel: Mel, last: boolean): void
  /**
   * Feeds a pass its next samples. Wait for the result before the next call for the same pass. A call that is stopped
   * disposes of the stream.
   *
   * @param pass index into `StreamRequest.steps`
   * @param audio the samples that follow those fed before
   * @param last whether this is the last audio for this pass; then the output of all remaining samples is returned
   * @param signal stops the work
   * @throws DiffWaveError `ABORTED`, `BAD_SHAPE`, `DISPOSED`
   */
  predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  /** Frees the stream. It may be called more than once. */
  dispose(): void
}

/** The numbers of one Adam update. Every list has one array per parameter, all in the same order. */
export interface WeightUpdate {
  /** The weights, which are changed in place, like the moments and the average. */
  readonly weights: readonly Float32Array[]
  readonly gradients: readonly Float32Array[]
  /** Factor of the gradients: 1, or what reduces their norm to the clipping bound. */
  readonly gradientScale: number
  /** Adam's first and second moments. */
  readonly first: readonly Float32Array[]
  readonly second: readonly Float32Array[]
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Learning rate / (1 − beta1ⁿ) of update n. */
  readonly stepSize: number
  /** √(1 − beta2ⁿ). */
  readonly root: number
  /** The moving average of the weights. */
  readonly average: readonly Float32Array[]
  /** Weight of the old average in the new one. */
  readonly averageDecay: number
}

/**
 * The arithmetic of the optimiser in an engine's own code, with the same bytes as src/training/optimiser. Leave the
 * arrays alone until a call has ended. Every method throws DiffWaveError `DISPOSED` after the engine was disposed.
 */
export interface OptimiserKernels {
  /** Returns the norm √Σ g² over all arrays. */
  norm(gradients: readonly Float32Array[]): Promise<number>
  /** Adds `more` to `total`, in place. */
  add(total: readonly Float32Array[], more: readonly Float32Array[]): Promise<void>
  /** Multiplies every number by a factor, in place. */
  scale(gradients: readonly Float32Array[], factor: number): Promise<void>
  update(update: WeightUpdate): Promise<void>
}

/** The phase refinement, or the correction towards the mel, of one clip that arrives piece by piece. */
export interface FrameStream {
  /**
   * Appends frames of the mel. They must arrive before the audio that they cover; a correction needs one frame more.
   */
  pushMel(mel: Mel): void
  /**
   * Appends audio, and returns what is now final.
   *
   * @param last whether this is the last audio. A refined clip must be as long as its mel, frames × hop; a corrected
   * clip may be shorter
   * @param signal stops the work
   * @returns the final samples, in order
   * @throws DiffWaveError `ABORTED`, `DISPOSED`, `ENGINE_FAILED`
   */
  push(audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  /** Frees the stream. */
  dispose(): void
}

/** A network on a compute device. Its output is ε, v or x̂_0, whatever the model predicts. */
export interface Engine {
  /** `native`, `wasm` or `tensorflow:<backend>`. */
  readonly name: string
  /** What it runs on, as text for people: instruction set and threads, or the backend. */
  readonly device: string
  /** The architecture of the network. */
  readonly network: NetworkConfig
  /** `low` if streams lag only by the receptive field (`EngineOptions.latency`). Absent if the engine has no choice. */
  readonly latency?: Latency
  /**
   * Runs whole clips through the network.
   *
   * @returns one array per clip, as long as its audio
   * @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
   */
  predict(request: PredictRequest): Promise<Float32Array[]>
  /**
   * Computes the loss and the gradients of one batch.
   *
   * @throws DiffWaveError as `predict`
   */
  lossGradients(request: LossRequest): Promise<LossGradients>
  /**
   * Computes the gradients of a loss that the caller defines.
   *
   * @returns ∂loss/∂parameter by the parameter's name
   * @throws DiffWaveError as `predict`, and what `gradientOf` throws
   */
  backward(request: BackwardRequest): Promise<ReadonlyMap<string, Float32Array>>
  /**
   * Opens a stream for a clip that is denoised piece by piece.
   *
   * @throws DiffWaveError `BAD_SHAPE`, `DISPOSED`
   */
  openStream(request: StreamRequest): NoiseStream
  /** Prepares for the first stream, so that it starts sooner. Absent if the engine has nothing to prepare. */
  readonly prepare?: (() => Promise<void>) | undefined
  /**
   * Replaces all parameters.
   *
   * @throws DiffWaveError `BAD_PARAMETERS`, `DISPOSED`
   */
  setParameters(parameters: Tensors): Promise<void>
  /** The engine's code for the optimiser's arithmetic. Absent if the trainer should use its own. */
  readonly optimiser?: OptimiserKernels | undefined
  /**
   * Computes terms of losses as src/training/objective does, with the same bytes, for losses without gradients.
   * `gradientOf` gets kernels of its own. Absent if the engine has none.
   *
   * @throws DiffWaveError `ENGINE_FAILED`, `DISPOSED`
   */
  readonly spectralTerms?: ComputeTerms | undefined
  /**
   * A faster `gaussian` (src/core/random.ts) with the same bytes. Absent if the engine has none.
   *
   * @throws DiffWaveError `DISPOSED`
   */
  readonly gaussian?: ((seed: number, draw: number, start: number, count: number) => Float32Array) | undefined
  /**
   * A faster `PhaseRefinement` (src/audio/mel) with the same bytes. Absent if the engine has none.
   *
   * @param convention one without a `refinementObstacle`
   * @throws DiffWaveError `DISPOSED`
   */
  readonly openRefinement?: ((convention: MelConvention, refinement: Refinement) => FrameStream) | undefined
  /**
   * A faster `MelCorrection` (src/audio/mel) with the same bytes. Absent if the engine has none.
   *
   * @param convention one without a `correctionObstacle`
   * @throws DiffWaveError `DISPOSED`
   */
  readonly openCorrection?: ((convention: MelConvention, correction: CorrectionSettings) => FrameStream) | undefined
  /** Faster code for the arithmetic around a windowed front end. Absent if the engine has none. */
  readonly frontEnd?: FrontEndKernels | undefined
  /** Frees everything that the engine holds. */
  dispose(): Promise<void>
}
