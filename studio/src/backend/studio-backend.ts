/**
 * What the views need, whoever does the work: the service over HTTP (http-backend.ts), or the engine in the browser.
 * Every method throws `StudioProblem` if it is refused, and an `AbortError` once its signal fires.
 */
import type { Sound } from '../audio/sound.js'
import type { StudioProblem } from '../core/problem.js'

export type ModelKind = 'vocoder' | 'generator'

/** A model, for a view to choose from. */
export interface StudioModel {
  readonly name: string
  readonly kind: ModelKind
  /** Whether it is the first of its kind. */
  readonly isDefault: boolean
  /** Hz. */
  readonly sampleRate: number
  /** Classes or voices; `null` if it has none. */
  readonly labels: readonly string[] | null
  readonly drawsLabels: boolean
  /** Length of the clips it was trained on, in seconds. */
  readonly clipSeconds: number | null
  /** Whether the mel shapes the model's noise, so that it is not white. */
  readonly shapedNoise: boolean
  readonly defaultSteps: number
  readonly defaultSampler: string
  readonly defaultGuidance: number
  /** Steps of the schedule it was trained with. */
  readonly trainingSteps: number
  /** Names of its sampling schedules, mostly numbers of steps. */
  readonly samplingSchedules: readonly string[]
  readonly refinementIterations: number | null
  readonly parameters: number
  readonly license: string
}

/** The models there are, and why others cannot be used. */
export interface ModelList {
  readonly models: readonly StudioModel[]
  readonly problems: readonly StudioProblem[]
}

/** How to sample; what is left out is the model's default. */
export interface Sampling {
  readonly model: string
  readonly steps?: number | string | undefined
  readonly sampler?: string | undefined
  /** Noise that the sampler ddim adds, 0 to 1. */
  readonly eta?: number | undefined
  readonly seed?: number | undefined
}

/** The noise schedules of a model. */
export interface Schedules {
  readonly training: { readonly kind: string; readonly alphaBars: readonly number[] }
  /** What sampling visits, noisiest first: training step t and ᾱ. */
  readonly sampling: { readonly steps: readonly number[]; readonly alphaBars: readonly number[] }
}

/** A file as dropped: a recording, or for some operations a mel. */
export interface SourceFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** One step of the reverse process. */
export interface ProcessStep {
  /** From 0. */
  readonly index: number
  readonly of: number
  /** Training step that the network was conditioned on. */
  readonly t: number
  /** √(1 − ᾱ) before and after the step. */
  readonly inputNoiseLevel: number
  readonly noiseLevel: number
  /** x_t after the step, x̂₀ and ε̂ as audio. */
  readonly x: Sound
  readonly clean: Sound
  readonly noise: Sound
}

/** A whole reverse process. */
export interface ProcessResult {
  /** The noise it started from. */
  readonly start: Sound
  readonly result: Sound
  readonly seed: number
}

/** Called while work goes on. */
export interface Watch {
  readonly signal: AbortSignal
  /** @param share of the work that is done, 0 to 1 */
  readonly onProgress?: (share: number) => void
}

export interface ProcessOrder extends Sampling {
  /** A mel or a recording for a vocoder; `null` for a generator. */
  readonly source: SourceFile | null
  readonly seconds?: number | undefined
  readonly label?: string | undefined
  readonly guidance?: number | undefined
}

export interface ProcessWatch extends Watch {
  readonly onStart?: (start: Sound) => void
  readonly onStep?: (step: ProcessStep) => void
}

/** What makes audio of a mel. */
export type VocoderSystem = 'model' | 'zero-output' | 'griffin-lim'

export interface VocodeOrder extends Sampling {
  readonly source: SourceFile
  readonly system: VocoderSystem
  readonly refine?: number | undefined
}

export interface CompareOrder extends Sampling {
  readonly source: SourceFile
  readonly refine?: number | undefined
}

/** A measure of a copy against its original. */
export interface MeasureTitle {
  readonly title: string
  /** '' for none. */
  readonly unit: string
}

export interface Comparison {
  readonly original: Sound
  readonly copies: ReadonlyMap<VocoderSystem, Sound>
  readonly measures: Readonly<Record<string, MeasureTitle>>
  /** By system, then by measure; `null` if it is undefined. */
  readonly figures: ReadonlyMap<VocoderSystem, Readonly<Record<string, number | null>>>
  readonly seed: number
}

export interface GenerateOrder extends Sampling {
  readonly count: number
  readonly seconds?: number | undefined
  readonly label?: string | undefined
  readonly guidance?: number | undefined
}

export interface GenerateWatch extends Watch {
  readonly onClip?: (clip: Sound) => void
}

/** A stretch of a recording in seconds. */
export interface Gap {
  readonly start: number
  readonly end: number
}

export interface InpaintOrder extends Sampling {
  readonly recording: SourceFile
  readonly gaps: readonly Gap[]
  readonly rounds?: number | undefined
}

export interface DenoiseOrder extends Sampling {
  readonly recording: SourceFile
  /** Named schedules start from pure noise and do not apply. */
  readonly steps?: number | undefined
  /** Signal-to-noise ratio in dB; estimated if left out. */
  readonly snr?: number | undefined
  readonly label?: string | undefined
}

export interface TrainingRun {
  readonly name: string
  /** When it last wrote, ISO 8601. */
  readonly updated: string
  readonly hasModel: boolean
}

/** A line of a run's log. */
export type MetricsLine = Readonly<Record<string, unknown>> & { readonly step: number }

export interface TrainingClip {
  readonly id: string
  readonly step: number
  readonly tag: string
}

/** Training runs to watch. */
export interface RunsBackend {
  list(signal: AbortSignal): Promise<readonly TrainingRun[]>
  /** The lines of a log, those there are first and then as they are written, until the signal fires. */
  metrics(run: string, signal: AbortSignal): AsyncIterable<readonly MetricsLine[]>
  clips(run: string, signal: AbortSignal): Promise<readonly TrainingClip[]>
  clip(run: string, id: string, signal: AbortSignal): Promise<Sound>
}

export interface StudioBackend {
  models(signal: AbortSignal): Promise<ModelList>
  schedules(choice: Omit<Sampling, 'seed'>, signal: AbortSignal): Promise<Schedules>
  /** x_t of a recording at a step of training; its facts have `alphaBar` and `snr`. */
  forward(
    recording: SourceFile,
    options: { readonly model: string; readonly t: number; readonly seed: number },
    signal: AbortSignal,
  ): Promise<Sound>
  process(order: ProcessOrder, watch: ProcessWatch): Promise<ProcessResult>
  vocode(order: VocodeOrder, watch: Watch): Promise<Sound>
  compare(order: CompareOrder, watch: Watch): Promise<Comparison>
  generate(order: GenerateOrder, watch: GenerateWatch): Promise<readonly Sound[]>
  inpaint(order: InpaintOrder, watch: Watch): Promise<Sound>
  denoise(order: DenoiseOrder, watch: Watch): Promise<Sound>
  /** `null` where nothing trains, as in a page without a server. */
  readonly runs: RunsBackend | null
}
