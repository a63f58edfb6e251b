/** The generator: clips from noise alone, or from a label. */
import { z } from 'zod'
import type { Audio } from './audio/codecs/wav.js'
import { DiffWaveError } from './core/errors.js'
import { MAX_CLIP_SECONDS, MAX_CLIPS, MAX_GUIDANCE } from './core/limits.js'
import { check } from './core/options.js'
import type { Progress } from './core/progress.js'
import { uniform } from './core/random.js'
import { drawSeed } from './core/seed.js'
import type { Denoiser } from './denoiser/denoiser.js'
import { type LoadModelOptions, loadModel } from './denoiser/load-model.js'
import { createSampler } from './diffusion/samplers/create.js'
import type { ModelConfig } from './model/config.js'
import {
  type Denoised,
  type DenoiseOptions,
  denoise,
  type InterpolateOptions,
  interpolate,
  type Restored,
} from './repair/denoising.js'
import { type InpaintOptions, inpaint } from './repair/inpainting.js'
import { type ClipRequest, streamClip, wholeClip, wholeClips } from './synthesis/clip.js'
import { type AudioStream, type Synthesis, samplingOptions } from './synthesis/options.js'

const clipSchema = z.strictObject({
  ...samplingOptions,
  /** Length of a clip; that of the clips the model was trained on where not given, else one second. */
  seconds: z.number().positive().max(MAX_CLIP_SECONDS).optional(),
  /** What to make, by name; null: anything, of a label drawn by the seed where the model draws them. */
  label: z.string().nullable().optional(),
  /** Classifier-free guidance w: ε = (1 + w)·ε_label − w·ε_none; the model's default for labelled clips where not given.
   * 0: none, and half the work. */
  guidance: z.number().min(0).max(MAX_GUIDANCE).optional(),
})

const generateSchema = clipSchema
  .extend({
    /** Clips to make; as many as `labels` where not given, else one. */
    count: z.number().int().min(1).max(MAX_CLIPS).optional(),
    /** A label a clip, taken round and round. */
    labels: z.array(z.string().nullable()).min(1).max(MAX_CLIPS).optional(),
  })
  .refine(o => o.label === undefined || o.labels === undefined, { path: ['labels'], message: 'give label or labels' })

export type GenerateOptions = Readonly<z.input<typeof generateSchema>>
export type GeneratorStreamOptions = Readonly<z.input<typeof clipSchema>>

/** A generated clip. */
export interface GeneratedClip extends Synthesis {
  /** That which was asked for, or drawn. */
  readonly label: string | null
}

const DEFAULT_SECONDS = 1

/** Clips made together, and samples of all of them: 16 MB of audio, as much again three times for what a sampler keeps. */
export const CLIPS_AT_ONCE = 16
const SAMPLES_AT_ONCE = 2 ** 22
/** Longer clips are made piece by piece: their noise, drawn in one go, would hold up the event loop for 0.1 s and more. */
const LONGEST_WHOLE = 2 ** 19

/**
 * A generator model on an engine.
 *
 * @example
 * const generator = await Generator.load('models/digits')
 * const clips = await generator.generate({ count: 4, label: 'seven', seed: 1 })
 */
export class Generator {
  /** @throws DiffWaveError `BAD_CONFIG` where the model is no generator */
  constructor(readonly model: Denoiser) {
    if (model.config.kind !== 'generator') {
      throw new DiffWaveError('BAD_CONFIG', 'this model is not a generator', {
        expected: 'generator',
        got: model.config.kind,
        hint: 'Use Vocoder (diffwave synthesize) for it.',
      })
    }
  }

  /**
   * @param source a shipped model's name, a model folder, or a checkpoint file
   * @throws DiffWaveError as `loadModel`; `BAD_CONFIG` where the model is no generator
   */
  static async load(source: string, options: LoadModelOptions = {}): Promise<Generator> {
    const model = await loadModel(source, options)
    try {
      return new Generator(model)
    } catch (error) {
      await model.dispose()
      throw error
    }
  }

  get config(): ModelConfig {
    return this.model.config
  }

  /** Rate of the audio it makes, in Hz. */
  get sampleRate(): number {
    return this.model.config.sampleRate
  }

  /** Names of the labels it knows; none where it takes none. */
  get labels(): readonly string[] {
    return this.model.config.network.labels ?? []
  }

  /** The label of a seed's clip for which none is asked: as often each as the training clips had it; null where the model draws none. */
  drawLabel(seed: number): string | null {
    const { labelShares: shares } = this.model.config
    if (shares === null) return null
    const starts: number[] = []
    let total = 0
    for (const share of shares) {
      starts.push(total)
      total += share
    }
    const at = uniform(seed, 0, 0) * total
    return this.labels[starts.findLastIndex((start, i) => shares[i]! > 0 && start <= at)]!
  }

  /**
   * Clips; clip i depends on the seed plus i alone (and its label), so that it can be had by itself with the same bytes.
   *
   * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `UNKNOWN_LABEL`, `ABORTED`, `DISPOSED`
   */
  async generate(options: GenerateOptions = {}): Promise<GeneratedClip[]> {
    const checked = check(generateSchema, options, 'generate options')
    const { count: wanted, label = null, labels = [label], seed = drawSeed(), onProgress, ...rest } = checked
    const count = wanted ?? labels.length
    if (!Number.isSafeInteger(seed + count)) {
      throw new DiffWaveError('BAD_OPTION', 'the seed leaves no room for that many clips', { where: 'seed' })
    }
    const clips = Array.from({ length: count }, (_, i) => {
      const label = labels[i % labels.length] ?? this.drawLabel(seed + i)
      return { seed: seed + i, label, request: this.#request({ ...rest, label, seed: seed + i }) }
    })
    const { trim: length, sampler } = clips[0]!.request
    // What was given holds for every clip, what was not is the model's: only clips without a label go unguided.
    const guidance = Math.max(...clips.map(clip => clip.request.guidance))
    const atOnce = Math.max(1, Math.min(CLIPS_AT_ONCE, Math.floor(SAMPLES_AT_ONCE / length)))
    const made: GeneratedClip[] = []
    for (let first = 0; first < count; first += atOnce) {
      const group = clips.slice(first, first + atOnce)
      const progress = onProgress && {
        onProgress: ({ done, total }: Progress) =>
          onProgress({ done: (first / group.length) * total! + done, total: (count / group.length) * total! }),
      }
      const samples =
        length > LONGEST_WHOLE
          ? [(await wholeClip(this.model, { ...group[0]!.request, ...progress })).samples]
          : await wholeClips(this.model, {
              sampler,
              length,
              clips: group.map(({ seed, request }) => ({ seed, label: request.label })),
              guidance,
              signal: rest.signal,
              ...progress,
            })
      const steps = sampler.steps.length
      for (const [i, { seed, label }] of group.entries()) {
        made.push({ samples: samples[i]!, sampleRate: this.sampleRate, seed, steps, label })
      }
    }
    return made
  }

  /**
   * One clip, in pieces as they become final.
   *
   * @throws DiffWaveError as `generate`
   */
  stream(options: GeneratorStreamOptions = {}): AudioStream {
    return streamClip(this.model, this.#request(check(clipSchema, options, 'stream options')))
  }

  /**
   * A recording with its gaps filled so that both sides join. Elsewhere it stays bit for bit, but for a short fade at the edges.
   *
   * @throws DiffWaveError `BAD_OPTION`, `SAMPLE_RATE_MISMATCH`, `NOT_FINITE`, and as `generate`
   */
  inpaint(audio: Audio, options: InpaintOptions): Promise<Synthesis> {
    return inpaint(this.model, audio, options)
  }

  /**
   * A recording with its noise taken out; how noisy it is, is estimated where no option says it. Audio at another rate is
   * resampled first.
   *
   * @throws DiffWaveError `BAD_OPTION` (also for more noise than the model knows), `BAD_AUDIO`, `NOT_FINITE`, and as `generate`
   */
  denoise(audio: Audio, options: DenoiseOptions = {}): Promise<Denoised> {
    return denoise(this.model, audio, options)
  }

  /**
   * A recording between two of one length, mixed at a diffusion step. Audio at another rate is resampled first.
   *
   * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO` (lengths differ), `NOT_FINITE`, and as `generate`
   */
  interpolate(first: Audio, second: Audio, options: InterpolateOptions = {}): Promise<Restored> {
    return interpolate(this.model, first, second, options)
  }

  /** Frees the engine. */
  dispose(): Promise<void> {
    return this.model.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #request(options: z.output<typeof clipSchema>) {
    const { seconds, guidance, seed = drawSeed(), signal, onProgress, ...choice } = options
    const label = options.label ?? this.drawLabel(seed)
    if (guidance !== undefined && guidance > 0 && label === null) {
      throw new DiffWaveError('BAD_OPTION', 'guidance needs a label to follow', { where: 'guidance' })
    }
    const { clipSeconds, sampleRate, diffusion } = this.model.config
    const length = Math.max(1, Math.round((seconds ?? clipSeconds ?? DEFAULT_SECONDS) * sampleRate))
    return {
      sampler: createSampler(diffusion, choice),
      seed,
      over: { length },
      trim: length,
      label: this.model.labelIndex(label),
      guidance: label === null ? 0 : (guidance ?? diffusion.defaultGuidance),
      signal,
      onProgress,
    } satisfies ClipRequest
  }
}
