/** The interface of the compiled kernels (native/binding/), and the network's shape as they read it. */
import { melHop, type NetworkConfig, positionSamples } from '../../model/network.js'
import type { WeightUpdate } from '../engine.js'
import type { SpectralKind } from '../loss-kernels.js'
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

/** A phase refinement or a correction inside the addon. */
export interface FrameChainHandle {
  readonly [handle]: 'frame chain'
}

/** Tables of a window length inside the addon. */
export interface SpectralFramesHandle {
  readonly [handle]: 'spectral frames'
}

/** An envelope inside the addon. */
export interface EnvelopeHandle {
  readonly [handle]: 'envelope'
}

/** A filter of windows inside the addon. */
export interface WindowFilterHandle {
  readonly [handle]: 'window filter'
}

/**
 * One clip of a batch. `target` (for `runBackward` ∂loss/∂prediction) if gradients are wanted, else `prediction` for
 * the result. The addon reads and writes these arrays while JavaScript runs: nobody else may resize, transfer or write
 * them before the work has ended.
 */
export interface ClipWork {
  readonly audio: Float32Array
  readonly target?: Float32Array
  readonly weight?: Float32Array | undefined
  readonly prediction?: Float32Array
  /** The step embedding's sinusoids. */
  readonly sinusoids: Float32Array
  /** Gain of the network's output (src/model/output-gain.ts). */
  readonly gain: number
  /** `[bands × frames]` */
  readonly mel: Float32Array | undefined
  readonly frames: number
  /** Samples from the first frame's start to the audio's: whole frames. */
  readonly melOffset: number
  /** E of each position, `[positions × bins]`, if the front end has an envelope. */
  readonly deviations: Float32Array | undefined
  /** −1: no label. */
  readonly label: number
}

export interface Work {
  readonly parameters: Float32Array
  readonly clips: readonly ClipWork[]
  readonly squared?: boolean
  readonly gradients?: Float32Array
  readonly clipLosses?: Float32Array
  /** Set its one byte to stop. */
  readonly cancelled: Uint8Array
}

/** Mel frames for a stream, `[bands × frames]`. */
export interface MelWork {
  readonly data: Float32Array
  readonly frames: number
  readonly last: boolean
  /**
   * E of the positions that have become known with these frames, `[positions × bins]`, if the front end has an
   * envelope.
   */
  readonly deviations: Float32Array | undefined
}

/** A pass's next samples, and the mel frames that came before them. */
export interface PredictWork {
  /** Used if the stream is new. */
  readonly parameters: Float32Array
  readonly version: number
  readonly mels: readonly MelWork[]
  readonly pass: number
  readonly audio: Float32Array
  readonly last: boolean
  /** Room for all samples that were fed and have no prediction yet, these included. */
  readonly prediction: Float32Array
  readonly cancelled: Uint8Array
}

/** Normal numbers from `start` on of a draw; `out` takes them. */
export interface GaussianRequest {
  readonly seed: number
  readonly draw: number
  readonly start: number
  readonly out: Float32Array
}

/**
 * The shape of a phase refinement or a correction as native/binding/frame-chain.cc reads it. Lengths are in samples.
 */
export interface FrameChainShape extends FilterTables {
  readonly operation: 'refine' | 'correct'
  /** Of the transform. */
  readonly size: number
  readonly hop: number
  readonly bands: number
  /** Iterations of a refinement, or passes of a correction. */
  readonly stages: number
  /** Of a refinement, as `relaxation`. */
  readonly momentum: number
  readonly relaxation: number
  /** Updates of the gains per pass of a correction. */
  readonly updates: number
  /** From the first frame's start to the clip's. */
  readonly padding: number
  /** Of a refinement: whether the mel is of energies, not of magnitudes. */
  readonly squared: boolean
  /** Of a refinement: factor from the transform's magnitudes to the mel's. */
  readonly unit: number
  /** `[size]` */
  readonly window: Float64Array
  /** e^(−2πik/size), real and imaginary part in turn, `[2 × size]`. */
  readonly roots: Float64Array
}

/** The shape of an envelope as native/binding/front-end.cc reads it. */
export interface NativeEnvelopeShape extends FilterTables {
  /** Of the mel's transform. */
  readonly bins: number
  readonly bands: number
  readonly updates: number
  readonly factor: number
  readonly triangle: Float64Array
  readonly outputs: number
  readonly windowNorm: number
  /** Whether the mel is of energies, not of magnitudes. */
  readonly squared: boolean
}

/** The same of a filter of windows. */
export interface NativeFilterShape {
  readonly size: number
  readonly stride: number
  readonly bins: number
  /** `[size]` */
  readonly window: Float64Array
  /** `[2 × size]` */
  readonly roots: Float64Array
}

/** Audio to refine or correct, and the mel frames that come with it. */
export interface FrameChainWork {
  readonly audio: Float32Array
  readonly last: boolean
  /** Energies of the bands of the next frames, `[frames × bands]`. */
  readonly targets: Float64Array
  /** Room for all samples that were fed and did not come out, these included. */
  readonly prediction: Float32Array
  readonly cancelled: Uint8Array
}

/** A term of spectra (`SpectralTerm`) as native/binding/audio-loss.cc reads it. */
export interface SpectralTermWork {
  readonly frames: SpectralFramesHandle
  readonly kind: SpectralKind
  readonly made: Float32Array
  readonly wanted: Float32Array
  readonly counted: number
  readonly weight: number
  /** Of `magnitude`: c. */
  readonly offset: number
  /** Of `phase`. */
  readonly counts: Uint8Array | undefined
  /** Takes weight × ∂loss/∂made. */
  readonly gradient: Float64Array
  /** Takes a sum per frame, `[frames]`; of `magnitude` of |A − B|, and after them those of B, `[2 × frames]`. */
  readonly sums: Float64Array
  /** Of `magnitude`: takes products of ratios, `[frames × ⌈counted/BINS_PER_RATIO⌉]`, else empty. */
  readonly ratios: Float64Array
}

/** One pass of the correction over a clip, for its gradient. */
export interface CorrectedClipWork {
  readonly input: Float32Array
  readonly byResult: Float32Array
  /** Energies of the bands, `[frames × bands]`. */
  readonly targets: Float64Array
  /** Takes ∂loss/∂input. */
  readonly gradient: Float32Array
}

/** A network's shape as native/binding/shape.cc reads it. */
export interface NetworkShape {
  readonly channels: number
  readonly layers: number
  readonly dilationCycle: number
  /** Samples per position. */
  readonly patch: number
  /** Samples of a window; 0: patches. The other three are read if it is not. */
  readonly kernel: number
  readonly bins: number
  readonly learnedWindows: boolean
  /** Whether clips and streams come with the deviations of the bins. */
  readonly envelope: boolean
  /** Size of the sinusoidal step embedding, and outputs of the two linear layers after it. */
  readonly embedding: number
  readonly hidden: number
  readonly inputMask: boolean
  readonly tanhFirst: boolean
  readonly residualAfterStep: boolean
  readonly labels: number
  readonly conditioner: 'none' | 'transposed' | 'frame-rate'
  /** Read if there is a conditioner. */
  readonly bands: number
  readonly hop: number
  readonly upsamplerPerLayer: boolean
  readonly strides: readonly number[]
  readonly encoder: readonly number[]
}

export interface EngineRequest {
  readonly shape: NetworkShape
  readonly instructionSet: string
  readonly threads: number
  /** Bytes of working memory for training. */
  readonly memoryLimit: number
  /** Whether the layers multiply bfloat16, if the instruction set can. */
  readonly fast: boolean
}

export interface Addon {
  /** Instruction sets that this processor runs, best first. */
  targets(): string[]
  /** Those of them with products of bfloat16. */
  fastTargets(): string[]
  /** What constants.ts knows of the addon, and its limits. */
  constants(): Readonly<Record<string, number>>
  create(request: EngineRequest): Handle
  /**
   * Resolves to the loss, `CANCELLED` or `OUT_OF_MEMORY`. Without gradients: predictions, of the readable reference
   * only.
   */
  run(handle: Handle, work: Work): Promise<number>
  /**
   * The first half of a batch's gradients: writes each clip's `prediction`. The engine must do nothing else before the
   * second.
   */
  runForward(handle: Handle, work: Work): Promise<number>
  /** The second half: the same work, with ∂loss/∂prediction as targets, and gradients. */
  runBackward(handle: Handle, work: Work): Promise<number>
  /** Each of these four resolves when its arrays, one per parameter, have been read and written. */
  gradientNorm(handle: Handle, gradients: readonly Float32Array[]): Promise<number>
  addGradients(handle: Handle, total: readonly Float32Array[], more: readonly Float32Array[]): Promise<number>
  scaleGradients(handle: Handle, gradients: readonly Float32Array[], factor: number): Promise<number>
  adamUpdate(handle: Handle, update: WeightUpdate): Promise<number>
  /** Fills `out` with normal numbers, and lists the indices of those that JavaScript must compute itself. */
  gaussian(handle: Handle, request: GaussianRequest): readonly number[]
  /** Packs the weights that streams of a version take, before the first one does. Resolves to 0 or `OUT_OF_MEMORY`. */
  packWeights?(handle: Handle, parameters: Float32Array, version: number): Promise<number>
  /** A clip's passes: `[passes × embedding]` sinusoids of their steps, and their output gains; label −1: none. */
  openStream(handle: Handle, sinusoids: Float32Array, gains: Float32Array, label: number): StreamHandle
  /** Resolves to the samples that were written, `CANCELLED`, `OUT_OF_MEMORY` or `REFUSED`. */
  predict(handle: Handle, stream: StreamHandle, work: PredictWork): Promise<number>
  /**
   * Runs several streams at once, one thread each. Resolves to 0 or `OUT_OF_MEMORY`; each of `results` is then what
   * `predict` resolves to.
   */
  predictTogether?(
    handle: Handle,
    streams: readonly StreamHandle[],
    works: readonly PredictWork[],
    results: Float64Array,
  ): Promise<number>
  closeStream(handle: Handle, stream: StreamHandle): void
  openFrameChain(handle: Handle, shape: FrameChainShape): FrameChainHandle
  /** Resolves to the samples that were written, `CANCELLED`, `OUT_OF_MEMORY` or `REFUSED`. */
  pushFrameChain(handle: Handle, chain: FrameChainHandle, work: FrameChainWork): Promise<number>
  closeFrameChain(handle: Handle, chain: FrameChainHandle): void
  /** Tables of one window length. */
  openSpectralFrames(shape: {
    readonly size: number
    /** `[size]` */
    readonly window: Float64Array
    /** `[2 × size]` */
    readonly roots: Float64Array
  }): SpectralFramesHandle
  /** Resolves to 0, `CANCELLED` or `OUT_OF_MEMORY`. */
  spectralTerms(handle: Handle, terms: readonly SpectralTermWork[], cancelled: Uint8Array): Promise<number>
  /** The same. The chain only says what the correction is. */
  correctionGradient(
    handle: Handle,
    chain: FrameChainHandle,
    clips: readonly CorrectedClipWork[],
    cancelled: Uint8Array,
  ): Promise<number>
  openEnvelope(handle: Handle, shape: NativeEnvelopeShape): EnvelopeHandle
  /** Fills `out`, `[frames × outputs]`, from `[frames × bands]`. */
  envelopePowers(envelope: EnvelopeHandle, targets: Float64Array, out: Float32Array): void
  openWindowFilter(handle: Handle, shape: NativeFilterShape): WindowFilterHandle
  /** Adds to `sums`. At least one position. */
  filterWindows(filter: WindowFilterHandle, samples: Float32Array, gains: Float32Array, sums: Float64Array): void
  /** FLOP/s of multiply-adds on registers, all threads together. Blocks for some tenths of a second. */
  measurePeak(instructionSet: string, threads: number): number
  dispose(handle: Handle): void | Promise<void>
  /** A byte for the `cancelled` of the next piece of work, if not any byte will do. */
  cancelFlag?(): Uint8Array
}

/** What an engine needs of an addon, once its handle is there. */
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
  | 'cancelFlag'
>

export function networkShape(network: NetworkConfig): NetworkShape {
  const { mel, frontEnd } = network
  return {
    channels: network.channels,
    layers: network.layers,
    dilationCycle: network.dilationCycle,
    patch: positionSamples(network),
    kernel: frontEnd?.kernel ?? 0,
    bins: frontEnd?.bins ?? 0,
    learnedWindows: frontEnd?.learned ?? false,
    envelope: (frontEnd?.envelope ?? null) !== null,
    embedding: network.stepEmbedding.size,
    hidden: network.stepEmbedding.hidden,
    inputMask: network.inputMask !== null,
    tanhFirst: network.gate === 'tanh-sigmoid',
    residualAfterStep: network.residual === 'after-step',
    labels: network.labels?.length ?? 0,
    conditioner: mel?.kind ?? 'none',
    bands: mel?.bands ?? 0,
    hop: mel === null ? 0 : melHop(mel),
    upsamplerPerLayer: mel?.kind === 'transposed' && mel.sharing === 'per-layer',
    strides: mel?.kind === 'transposed' ? mel.strides : [],
    encoder: mel?.kind === 'frame-rate' ? mel.encoder : [],
  }
}
