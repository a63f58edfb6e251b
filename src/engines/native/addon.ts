/**
 * The interface of the compiled kernels (native/binding/): the functions of the addon, and the objects that it reads.
 */
import type { WeightUpdate } from '../engine.js'
import type { SpectralTerm } from '../loss-kernels.js'
import type { FilterTables } from './mel-filters.js'

declare const handle: unique symbol
/** An engine inside the addon. */
export interface Handle {
  readonly [handle]: 'engine'
}

/** A stream inside the addon. */
export interface StreamHandle {
  readonly [handle]: 'stream'
}

/** A frame chain inside the addon: a phase refinement or a correction. */
export interface FrameChainHandle {
  readonly [handle]: 'frame chain'
}

/** Tables for one window length inside the addon. */
export interface SpectralFramesHandle {
  readonly [handle]: 'spectral frames'
}

/** An envelope inside the addon. */
export interface EnvelopeHandle {
  readonly [handle]: 'envelope'
}

/** A window filter inside the addon. */
export interface WindowFilterHandle {
  readonly [handle]: 'window filter'
}

/**
 * One clip of a batch. If gradients are wanted, `target` is set (for `runBackward` to ∂loss/∂prediction); else
 * `prediction` takes the result. The addon reads and writes these arrays while JavaScript runs on, so nothing else may
 * resize, transfer or write them before the work has ended.
 */
export interface ClipWork {
  readonly audio: Float32Array
  readonly target?: Float32Array
  readonly weight?: Float32Array | undefined
  readonly prediction?: Float32Array
  /** Sinusoids of the diffusion step (src/model/step-embedding.ts). */
  readonly sinusoids: Float32Array
  /** Gain of the network's output (src/model/output-gain.ts). */
  readonly gain: number
  /** `[bands × frames]` */
  readonly mel: Float32Array | undefined
  readonly frames: number
  /** Number of samples between the start of the mel's first frame and the start of the audio: whole frames. */
  readonly melOffset: number
  /** E of each position, `[positions × bins]`, if the front end has an envelope. */
  readonly deviations: Float32Array | undefined
  /** Index of the label; −1 for no label. */
  readonly label: number
}

/** The clips of a batch. */
export interface BatchWork {
  readonly parameters: Float32Array
  readonly clips: readonly ClipWork[]
  readonly squared?: boolean
  readonly gradients?: Float32Array
  readonly clipLosses?: Float32Array
  /** One byte. Setting it stops the work. */
  readonly cancelled: Uint8Array
}

/** Mel frames for a stream, `[bands × frames]`. */
export interface MelWork {
  readonly data: Float32Array
  readonly frames: number
  readonly last: boolean
  /** E of the positions that are known with these frames, `[positions × bins]`, if the front end has an envelope. */
  readonly deviations: Float32Array | undefined
}

/** The next samples of a pass, and the mel frames that arrived before them. */
export interface PredictWork {
  /** The weights. They are read if the stream is new. */
  readonly parameters: Float32Array
  readonly version: number
  readonly mels: readonly MelWork[]
  readonly pass: number
  readonly audio: Float32Array
  readonly last: boolean
  /** Takes the result. It must have room for all samples that were fed and have no prediction yet, including these. */
  readonly prediction: Float32Array
  readonly cancelled: Uint8Array
}

/** Which normal numbers of a draw to compute; `out` takes them. */
export interface GaussianRequest {
  readonly seed: number
  readonly draw: number
  readonly start: number
  readonly out: Float32Array
}

/**
 * The parameters of a phase refinement or a correction, as native/binding/frame-chain.cc reads them. Lengths are in
 * samples.
 */
export interface FrameChainShape extends FilterTables {
  readonly operation: 'refine' | 'correct'
  /** Length of the transform. */
  readonly size: number
  readonly hop: number
  readonly bands: number
  /** Number of iterations of a refinement, or of passes of a correction. */
  readonly stages: number
  /** For a refinement. */
  readonly momentum: number
  /** How far bins are moved: 1 is to the mel, more is past it. */
  readonly relaxation: number
  /** Number of updates of the gains in each pass of a correction. */
  readonly updates: number
  /** Length from the start of the first frame to the start of the clip. */
  readonly padding: number
  /** For a refinement: whether the mel is of powers, not of magnitudes. */
  readonly squared: boolean
  /** For a refinement: the factor from the magnitudes of the transform to those of the mel. */
  readonly unit: number
  /** `[size]` */
  readonly window: Float64Array
  /** e^(−2πik/size), real and imaginary part in turn, `[2 × size]`. */
  readonly roots: Float64Array
}

/** The parameters of an envelope, as native/binding/front-end.cc reads them. */
export interface NativeEnvelopeShape extends FilterTables {
  /** Number of bins of the mel's transform. */
  readonly bins: number
  readonly bands: number
  readonly updates: number
  readonly factor: number
  readonly triangle: Float64Array
  readonly outputs: number
  readonly windowNorm: number
  /** Whether the mel is of powers, not of magnitudes. */
  readonly squared: boolean
}

/** The parameters of a window filter, as native/binding/front-end.cc reads them. */
export interface NativeFilterShape {
  readonly size: number
  readonly stride: number
  readonly bins: number
  /** `[size]` */
  readonly window: Float64Array
  /** `[2 × size]` */
  readonly roots: Float64Array
}

/** Windows to filter (`AddWindows` in src/model/front-end/kernels.ts). */
export interface FilterRequest {
  readonly samples: Float32Array
  readonly gains: Float32Array
  readonly sums: Float64Array
  readonly magnitudes?: Float32Array | undefined
}

/** Audio to refine or correct, and the mel frames that come with it. */
export interface FrameChainWork {
  readonly audio: Float32Array
  readonly last: boolean
  /** Band energies of the next frames, `[frames × bands]`. */
  readonly targets: Float64Array
  /** Takes the result. It must have room for all samples that were fed and have not come out yet, including these. */
  readonly prediction: Float32Array
  readonly cancelled: Uint8Array
}

/** A `SpectralTerm`, as native/binding/audio-loss.cc reads it. */
export interface SpectralTermWork {
  readonly frames: SpectralFramesHandle
  readonly kind: SpectralTerm['kind']
  readonly made: Float32Array
  readonly wanted: Float32Array
  /** Number of bins to compare, from 0 Hz up. */
  readonly bins: number
  readonly weight: number
  /** For `magnitude`: c of `MagnitudeTerm.softest`. */
  readonly offset: number
  /** For `phase`: which frames count. */
  readonly counts: Uint8Array | undefined
  /** Takes weight × ∂loss/∂made. */
  readonly gradient: Float64Array
  /** Takes the sums of each frame, as in `TermSums`: `[frames]`, or `[2 × frames]` for `magnitude`. */
  readonly sums: Float64Array
  /** For `magnitude`: takes the products of ratios, `[frames × ⌈bins/BINS_PER_RATIO⌉]`. Else empty. */
  readonly ratios: Float64Array
}

/** One pass of the correction over a clip, for its gradient. */
export interface CorrectedClipWork {
  readonly input: Float32Array
  readonly byResult: Float32Array
  /** Band energies, `[frames × bands]`. */
  readonly targets: Float64Array
  /** Takes ∂loss/∂input. */
  readonly gradient: Float32Array
}

/** The architecture of a network, as native/binding/shape.cc reads it. */
export interface NetworkShape {
  readonly channels: number
  readonly layers: number
  readonly dilationCycle: number
  /** Number of samples per position. */
  readonly patch: number
  /** Length of a window in samples; 0 for patches. The next three fields are read only if it is not 0. */
  readonly kernel: number
  readonly bins: number
  readonly learnedWindows: boolean
  /** Whether clips and streams come with `deviations`. */
  readonly envelope: boolean
  /** Number of sinusoids of the step embedding, and width of the two linear layers after it. */
  readonly embedding: number
  readonly hidden: number
  readonly inputMask: boolean
  readonly tanhFirst: boolean
  readonly residualAfterStep: boolean
  readonly labels: number
  readonly conditioner: 'none' | 'transposed' | 'frame-rate'
  /** Number of mel bands. This and what follows is read only if there is a conditioner. */
  readonly bands: number
  readonly hop: number
  readonly upsamplerPerLayer: boolean
  readonly strides: readonly number[]
  readonly encoder: readonly number[]
}

/** The parameters of an engine. */
export interface EngineRequest {
  readonly shape: NetworkShape
  readonly instructionSet: string
  readonly threads: number
  /** Bytes of working memory for training. */
  readonly memoryLimit: number
  /** Whether the layers multiply bfloat16 numbers, if the instruction set can. */
  readonly fast: boolean
  /** Whether layers of small dilations run in Winograd blocks. Without them, streams lag less and are slower. */
  readonly winograd: boolean
}

/** The functions of the addon. */
export interface Addon {
  /** The instruction sets that this processor supports, the best first. */
  targets(): string[]
  /** Those of them that multiply bfloat16 numbers. */
  fastTargets(): string[]
  /** The constants that constants.ts must agree with, and the addon's limits. */
  constants(): Readonly<Record<string, number>>
  create(request: EngineRequest): Handle
  /**
   * Computes the loss and gradients of a batch. Resolves to the loss, `CANCELLED` or `OUT_OF_MEMORY`. Without
   * gradients, which only the readable reference supports, it computes predictions.
   */
  run(handle: Handle, work: BatchWork): Promise<number>
  /**
   * The first half of `Engine.backward`: writes each clip's `prediction`. The engine must do nothing else before the
   * second half.
   */
  runForward(handle: Handle, work: BatchWork): Promise<number>
  /** The second half: takes the same work, with ∂loss/∂prediction as targets, and writes the gradients. */
  runBackward(handle: Handle, work: BatchWork): Promise<number>
  /**
   * The next four functions are the optimiser's. Each resolves when it has read and written its arrays, one per
   * parameter.
   */
  gradientNorm(handle: Handle, gradients: readonly Float32Array[]): Promise<number>
  addGradients(handle: Handle, total: readonly Float32Array[], more: readonly Float32Array[]): Promise<number>
  scaleGradients(handle: Handle, gradients: readonly Float32Array[], factor: number): Promise<number>
  adamUpdate(handle: Handle, update: WeightUpdate): Promise<number>
  /** Fills `out` with normal numbers. @returns the indices of those that JavaScript must compute itself */
  gaussian(handle: Handle, request: GaussianRequest): readonly number[]
  /** Packs the weights for streams ahead of the first one. Resolves to 0 or `OUT_OF_MEMORY`. */
  packWeights?(handle: Handle, parameters: Float32Array, version: number): Promise<number>
  /**
   * Opens a stream for the passes of a clip, with the sinusoids of their steps, `[passes × embedding]`, and their
   * output gains. Label −1 stands for no label.
   */
  openStream(handle: Handle, sinusoids: Float32Array, gains: Float32Array, label: number): StreamHandle
  /** Resolves to the number of samples written, or to `CANCELLED`, `OUT_OF_MEMORY` or `REFUSED`. */
  predict(handle: Handle, stream: StreamHandle, work: PredictWork): Promise<number>
  /**
   * Runs several streams at once, each on one thread. Resolves to 0 or `OUT_OF_MEMORY`. `results` then has, for each
   * stream, what `predict` would resolve to.
   */
  predictTogether?(
    handle: Handle,
    streams: readonly StreamHandle[],
    works: readonly PredictWork[],
    results: Float64Array,
  ): Promise<number>
  closeStream(handle: Handle, stream: StreamHandle): void
  openFrameChain(handle: Handle, shape: FrameChainShape): FrameChainHandle
  /** Resolves to the number of samples written, or to `CANCELLED`, `OUT_OF_MEMORY` or `REFUSED`. */
  pushFrameChain(handle: Handle, chain: FrameChainHandle, work: FrameChainWork): Promise<number>
  closeFrameChain(handle: Handle, chain: FrameChainHandle): void
  /** Makes the tables for one window length. */
  openSpectralFrames(shape: {
    readonly size: number
    /** `[size]` */
    readonly window: Float64Array
    /** `[2 × size]` */
    readonly roots: Float64Array
  }): SpectralFramesHandle
  /** Resolves to 0, `CANCELLED` or `OUT_OF_MEMORY`. */
  spectralTerms(handle: Handle, terms: readonly SpectralTermWork[], cancelled: Uint8Array): Promise<number>
  /** Computes the gradient of one pass of a correction. The chain only states the parameters of the correction. */
  correctionGradient(
    handle: Handle,
    chain: FrameChainHandle,
    clips: readonly CorrectedClipWork[],
    cancelled: Uint8Array,
  ): Promise<number>
  openEnvelope(handle: Handle, shape: NativeEnvelopeShape): EnvelopeHandle
  /**
   * Computes the powers V of an envelope (src/model/front-end/envelope.ts): fills `out`, `[frames × outputs]`, from
   * `targets`, `[frames × bands]`.
   */
  envelopePowers(envelope: EnvelopeHandle, targets: Float64Array, out: Float32Array): void
  openWindowFilter(handle: Handle, shape: NativeFilterShape): WindowFilterHandle
  /** Filters windows and adds them to `sums`. There must be at least one position. */
  filterWindows(filter: WindowFilterHandle, request: FilterRequest): void
  /** Measures the FLOP/s of multiply-adds on registers, of all threads together. Blocks for some tenths of a second. */
  measurePeak(instructionSet: string, threads: number): number
  dispose(handle: Handle): void | Promise<void>
  /** Gives all free memory of the process back to the system. Absent if the system's allocator does so by itself. */
  releaseFreeMemory?(handle: Handle): Promise<number>
  /** Returns the byte to use as `cancelled` for the next piece of work. Absent if any byte will do. */
  cancelFlag?(): Uint8Array
}

/** The part of the addon that an engine needs once it has a handle. */
export type KernelAddon = Pick<
  Addon,
  | 'run'
  | 'runForward'
  | 'runBackward'
  | 'packWeights'
  | 'openStream'
  | 'predict'
  | 'predictTogether'
  | 'closeStream'
  | 'dispose'
  | 'releaseFreeMemory'
  | 'cancelFlag'
>
