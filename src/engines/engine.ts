/**
 * What every engine can do. An engine runs one loaded network on one compute device; samplers, pipelines and the trainer
 * know only this. All engines pass the same conformance tests (test/engines/conformance.ts).
 *
 * Lengths of audio are in samples and multiples of the network's `patch`; where there is a mel, audio is at most
 * frames × hop samples long. Steps are diffusion steps of the training schedule, fractional allowed.
 */
import type { Mel } from '../audio/mel/convention.js'
import type { Tensors } from '../core/tensor.js'
import type { NetworkConfig } from '../model/network.js'

/** Whole clips, each of its own length, with their conditioning. */
export interface ClipBatch {
  /** Noisy audio x_t, one array a clip. */
  readonly audio: readonly Float32Array[]
  /** One diffusion step a clip. */
  readonly steps: ArrayLike<number>
  /** One mel a clip, where the network takes one. */
  readonly mel?: readonly Mel[]
  /** One label's index a clip, where the network takes one; null: no label. */
  readonly labels?: readonly (number | null)[]
}

export interface PredictRequest extends ClipBatch {
  readonly signal?: AbortSignal
}

export interface LossRequest extends ClipBatch {
  /** What the network should predict, as long as the audio. */
  readonly target: readonly Float32Array[]
  /** Mean over all samples of the batch of |ε_θ − target| (l1) or (ε_θ − target)² (l2). */
  readonly loss: 'l1' | 'l2'
  /** Factor of each sample's term; 1 where not given. The mean still divides by the number of samples. */
  readonly weight?: readonly Float32Array[]
  readonly signal?: AbortSignal
}

export interface LossGradients {
  readonly loss: number
  /** Mean of each clip's own terms, in the batch's order. */
  readonly clipLosses: Float32Array
  /** ∂loss/∂parameter by the parameter's name, laid out as the parameter. */
  readonly gradients: ReadonlyMap<string, Float32Array>
}

export interface BackwardRequest extends ClipBatch {
  /** ∂loss/∂ε_θ of each clip, given ε_θ of each: any loss. Called once. */
  readonly gradientOf: (outputs: readonly Float32Array[]) => readonly Float32Array[]
  readonly signal?: AbortSignal
}

export interface StreamRequest {
  /** The diffusion step of each pass, in the order in which the passes run. */
  readonly steps: readonly number[]
  readonly label?: number | null
}

/**
 * One clip, denoised in several passes in bounded memory. Each pass is fed consecutive audio from sample 0 in chunks of any
 * size and gives ε for as many consecutive samples as have become final: those whose whole receptive field has been seen.
 * The bytes do not depend on how the audio was cut into chunks.
 */
export interface NoiseStream {
  /** How many samples ε may lag behind the audio fed, at most. */
  readonly latency: number
  /** Appends mel frames. Before audio of frame f is fed, frames up to f + melContext must be here, or `last` been said. */
  pushMel(mel: Mel, last: boolean): void
  /**
   * Feeds a pass its next samples.
   *
   * @param last no more audio will come for this pass: ε of all that is left is returned
   * @throws DiffWaveError `ABORTED`, `BAD_SHAPE`, `DISPOSED`
   */
  predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  dispose(): void
}

/** A network on a device. */
export interface Engine {
  /** `native` or `tensorflow:<backend>`. */
  readonly name: string
  /** What it runs on, for people: instruction set and threads, or backend. */
  readonly device: string
  readonly network: NetworkConfig
  /** ε_θ of whole clips, as long as their audio. @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE`, `ABORTED`, `DISPOSED` */
  predict(request: PredictRequest): Promise<Float32Array[]>
  /** Loss and gradients for one batch. @throws as `predict` */
  lossGradients(request: LossRequest): Promise<LossGradients>
  /** Gradients by the parameters of a loss that the caller computes. @throws as `predict`, and what `gradientOf` does */
  backward(request: BackwardRequest): Promise<ReadonlyMap<string, Float32Array>>
  openStream(request: StreamRequest): NoiseStream
  /** Replaces the parameters, all of them. */
  setParameters(parameters: Tensors): Promise<void>
  dispose(): Promise<void>
}
