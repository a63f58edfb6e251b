/**
 * What every engine can do. An engine runs one loaded network on one compute device; samplers, pipelines and the
 * trainer know only this. All engines pass the same conformance tests (test/engines/conformance.ts).
 *
 * Lengths of audio are in samples and are whole positions: multiples of the network's `patch`, or of its front end's
 * stride. With a mel, audio is at most frames × hop samples long. Steps are diffusion steps of the training schedule
 * and may be fractional.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { CorrectionSettings } from '../audio/mel/correction.js'
import type { Refinement } from '../audio/mel/phase-refinement.js'
import type { Tensors } from '../core/tensor.js'
import type { FrontEndKernels } from '../model/front-end/kernels.js'
import type { NetworkConfig } from '../model/network.js'
import type { LossKernels } from './loss-kernels.js'

/** Whole clips, each of its own length, with their conditioning. */
export interface ClipBatch {
  /** Noisy audio x_t, one array per clip. */
  readonly audio: readonly Float32Array[]
  /** One diffusion step per clip. */
  readonly steps: ArrayLike<number>
  /** One mel per clip, if the network takes mels. */
  readonly mel?: readonly Mel[]
  /** One label index per clip, if the network takes labels; null: no label. */
  readonly labels?: readonly (number | null)[]
}

/** Whole clips to run through the network. */
export interface PredictRequest extends ClipBatch {
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** Whole clips with the targets of a loss. */
export interface LossRequest extends ClipBatch {
  /** What the network should return, one array per clip, as long as its audio. */
  readonly target: readonly Float32Array[]
  /** Mean over all samples of the batch of |output − target| (l1) or (output − target)² (l2). */
  readonly loss: 'l1' | 'l2'
  /** Factor of each sample's term. Default: 1. The mean still divides by the number of samples. */
  readonly weight?: readonly Float32Array[]
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** A loss and its gradients. */
export interface LossGradients {
  /** Mean over all samples of the batch. */
  readonly loss: number
  /** Mean of each clip's own terms, in the batch's order. */
  readonly clipLosses: Float32Array
  /** ∂loss/∂parameter by the parameter's name, laid out as the parameter. */
  readonly gradients: ReadonlyMap<string, Float32Array>
}

/** Whole clips, and a loss that the caller computes. */
export interface BackwardRequest extends ClipBatch {
  /**
   * Returns ∂loss/∂output of each clip from the output of each. Called once, with what the engine computes of losses
   * itself; null if nothing. It must not ask the engine for anything else: that would wait for this call to end.
   */
  readonly gradientOf: (
    outputs: readonly Float32Array[],
    kernels: LossKernels | null,
  ) => readonly Float32Array[] | Promise<readonly Float32Array[]>
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** A clip to denoise piece by piece. */
export interface StreamRequest {
  /** The diffusion step of each pass, in the order in which the passes run. */
  readonly steps: readonly number[]
  /** Index of the label. Default: null, none. */
  readonly label?: number | null
}

/**
 * One clip, denoised in several passes in bounded memory. Each pass is fed consecutive audio from sample 0 in chunks of
 * any size. It returns the output for as many consecutive samples as have become final: those whose whole receptive
 * field has been seen. The bytes do not depend on how the audio was cut into chunks.
 */
export interface NoiseStream {
  /** Maximum number of samples by which the output lags behind the audio fed. */
  readonly latency: number
  /**
   * Appends mel frames. Audio of frame f can be fed once the frames up to f + melContext, or the last ones, are here.
   *
   * @param mel any number of frames
   * @param last no more frames follow
   */
  pushMel(mel: Mel, last: boolean): void
  /**
   * Feeds a pass its next samples. Wait for one call before the next one of the same pass. A call that was stopped
   * leaves the stream disposed.
   *
   * @param pass index into `StreamRequest.steps`
   * @param audio the samples that follow those fed before
   * @param last no more audio follows for this pass: the output of all that is left is returned
   * @param signal stops the work
   * @throws DiffWaveError `ABORTED`, `BAD_SHAPE`, `DISPOSED`
   */
  predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  /** Frees the stream; more than once is allowed. */
  dispose(): void
}

/** One update of the weights by Adam: lists of arrays, one per parameter, all in the same order. */
export interface WeightUpdate {
  /** Changed in place, as are the moments and the average. */
  readonly weights: readonly Float32Array[]
  readonly gradients: readonly Float32Array[]
  /** Factor of the gradients: 1, or what brings their norm down to its bound. */
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
  /** Average of the weights. */
  readonly average: readonly Float32Array[]
  /** Share of the old average in the new one. */
  readonly averageDecay: number
}

/**
 * The arithmetic around an update, in an engine's own code, with the same bytes as that of src/training/optimiser. The
 * arrays belong to the engine until a call has ended. Each throws DiffWaveError `DISPOSED` if the engine was disposed.
 */
export interface OptimiserKernels {
  /** √Σ g² over all arrays. */
  norm(gradients: readonly Float32Array[]): Promise<number>
  /** total ← total + more. */
  add(total: readonly Float32Array[], more: readonly Float32Array[]): Promise<void>
  /** Each number times a factor, in place. */
  scale(gradients: readonly Float32Array[], factor: number): Promise<void>
  update(update: WeightUpdate): Promise<void>
}

/** Phase refinement or correction of one clip that comes piece by piece. */
export interface FrameStream {
  /**
   * The next frames of the mel; they must be there before the audio that they cover, for a correction those up to one
   * frame beyond.
   */
  pushMel(mel: Mel): void
  /**
   * Appends audio.
   *
   * @param last no more follows: a refined clip is as long as its mel, frames × hop, a corrected one as long at most
   * @param signal stops the work
   * @returns what has become final
   * @throws DiffWaveError `ABORTED`, `DISPOSED`, `ENGINE_FAILED`
   */
  push(audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  /** Frees the stream. */
  dispose(): void
}

/** A network on a device. Its output is in the model's own parameterisation: ε, v or x̂_0. */
export interface Engine {
  /** `native`, `wasm` or `tensorflow:<backend>`. */
  readonly name: string
  /** What it runs on, for people: instruction set and threads, or backend. */
  readonly device: string
  /** Architecture of the network. */
  readonly network: NetworkConfig
  /**
   * The network's output for whole clips.
   *
   * @returns one array per clip, as long as its audio
   * @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
   */
  predict(request: PredictRequest): Promise<Float32Array[]>
  /**
   * Loss and gradients of one batch.
   *
   * @throws DiffWaveError as `predict`
   */
  lossGradients(request: LossRequest): Promise<LossGradients>
  /**
   * Gradients of a loss that the caller computes.
   *
   * @returns ∂loss/∂parameter by the parameter's name
   * @throws DiffWaveError as `predict`, and what `gradientOf` throws
   */
  backward(request: BackwardRequest): Promise<ReadonlyMap<string, Float32Array>>
  /**
   * Starts a clip that is denoised piece by piece.
   *
   * @throws DiffWaveError `BAD_SHAPE`, `DISPOSED`
   */
  openStream(request: StreamRequest): NoiseStream
  /** Does what the first stream would wait for, if the engine can do that ahead; for callers that will open one. */
  readonly prepare?: () => Promise<void>
  /**
   * Replaces all parameters.
   *
   * @throws DiffWaveError `BAD_PARAMETERS`, `DISPOSED`
   */
  setParameters(parameters: Tensors): Promise<void>
  /** What the trainer uses in place of its own arithmetic, if the engine has it. */
  readonly optimiser?: OptimiserKernels
  /**
   * As `gaussian` of src/core/random.ts and with its bytes, if the engine is faster.
   *
   * @throws DiffWaveError `DISPOSED`
   */
  readonly gaussian?: (seed: number, draw: number, start: number, count: number) => Float32Array
  /**
   * Starts what `PhaseRefinement` of src/audio/mel does, with its bytes, if the engine is faster.
   *
   * @param convention one without a `refinementObstacle`
   * @throws DiffWaveError `DISPOSED`
   */
  readonly openRefinement?: (convention: MelConvention, refinement: Refinement) => FrameStream
  /**
   * Starts what `MelCorrection` of src/audio/mel does, with its bytes, if the engine is faster.
   *
   * @param convention one without a `correctionObstacle`
   * @throws DiffWaveError `DISPOSED`
   */
  readonly openCorrection?: (convention: MelConvention, correction: CorrectionSettings) => FrameStream
  /** The arithmetic around a windowed front end, if the engine is faster than the readable version. */
  readonly frontEnd?: FrontEndKernels
  /** Frees what the engine holds. */
  dispose(): Promise<void>
}
