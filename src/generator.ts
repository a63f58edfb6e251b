/** The generator: clips from noise alone, or from a label. */
import { z } from 'zod'
import type { Audio } from './audio/audio.js'
import { DiffWaveError } from './core/errors.js'
import { MAX_CLIP_SECONDS, MAX_CLIPS, MAX_GUIDANCE } from './core/limits.js'
import { check, type FieldsOf, seed as seedField } from './core/options.js'
import type { Progress } from './core/progress.js'
import { weightedIndex } from './core/random.js'
import { draws } from './core/random-streams.js'
import { checkSeedRange, drawSeed } from './core/seed.js'
import { Stoppable } from './core/stoppable.js'
import { type Denoiser, modelLost } from './denoiser/denoiser.js'
import type { LoadModelOptions } from './denoiser/load-model.js'
import { loadFor, SoundModel } from './denoiser/sound-model.js'
import { createSampler, type SamplerChoice } from './diffusion/samplers/create.js'
import { clipSamples } from './model/config.js'
import type { ModelInput } from './model/model-input.js'
import { type Denoised, type DenoiseOptions, denoise } from './repair/denoising.js'
import { type InpaintOptions, inpaint } from './repair/inpainting.js'
import { type InterpolateOptions, interpolate } from './repair/interpolation.js'
import type { Restored } from './repair/start-level.js'
import { type ClipRequest, streamClip, wholeClip } from './synthesis/clip.js'
import { wholeClips } from './synthesis/clips.js'
import {
  labelField,
  type SamplingOptions,
  streamFields,
  type WholeClipOptions,
  wholeClipFields,
} from './synthesis/options.js'
import { type AudioStream, Synthesis, type SynthesisFields } from './synthesis/result.js'
import { watchFrom } from './synthesis/sampling-step.js'

/** Options that describe a clip. */
interface ClipFields {
  /**
   * Length in seconds, above 0, at most 3600. Default: the length of the model's training clips if its config states
   * it, else 1.
   */
  readonly seconds?: number | undefined
  /**
   * Name of what to make, one of the model's `labels`; null for no label. Default: a label drawn by the seed if the
   * model draws labels, else no label.
   */
  readonly label?: string | null | undefined
  /**
   * Weight w of classifier-free guidance, 0 to 100: ε = (1 + w)·ε_label − w·ε_none. 0 turns guidance off and halves the
   * work. Default: the model's own weight for clips with a label, else 0.
   */
  readonly guidance?: number | undefined
}

/** Options of `stream`. */
export interface GeneratorStreamOptions extends SamplingOptions, ClipFields {}

/** Options of `generate` and `clips`. */
export interface GenerateOptions extends WholeClipOptions, ClipFields {
  /** Number of clips to make, 1 to 10,000. Default: one per entry of `labels`, or one clip. */
  readonly count?: number | undefined
  /**
   * Labels of the clips: clip i gets `labels[i % labels.length]`; null stands for no label. Cannot be combined with
   * `label`.
   */
  readonly labels?: readonly (string | null)[] | undefined
}

const clipFields = {
  seconds: z.number().positive().max(MAX_CLIP_SECONDS).optional(),
  label: labelField.optional(),
  guidance: z.number().min(0).max(MAX_GUIDANCE).optional(),
} satisfies FieldsOf<ClipFields>

const streamSchema = z.strictObject({ ...streamFields, ...clipFields } satisfies FieldsOf<GeneratorStreamOptions>)
const generateSchema = z
  .strictObject({
    ...wholeClipFields,
    ...clipFields,
    count: z.number().int().min(1).max(MAX_CLIPS).optional(),
    labels: z.array(labelField).min(1).max(MAX_CLIPS).optional(),
  } satisfies FieldsOf<GenerateOptions>)
  .refine(o => o.label === undefined || o.labels === undefined, { path: ['labels'], message: 'give label or labels' })

/** A generated clip. */
export class GeneratedClip extends Synthesis {
  /** The label that was asked for or drawn; null if the clip has none. */
  readonly label: string | null

  constructor(fields: SynthesisFields & { readonly label: string | null }) {
    super(fields)
    this.label = fields.label
  }
}

/** Batch limits: at most 16 clips, and 4 M samples in all (16 MB of audio; samplers hold three more copies). */
const MAX_BATCH_CLIPS = 16
const MAX_BATCH_SAMPLES = 2 ** 22
/**
 * Longer clips are made piece by piece: drawing all of their noise at once would block the event loop for 0.1 s or
 * more.
 */
const MAX_WHOLE_SAMPLES = 2 ** 19

/** How a call of many clips is followed and stopped. */
type Watching = Pick<GenerateOptions, 'signal' | 'onProgress' | 'onStep'>

/** A clip to be made. */
interface PlannedClip {
  readonly label: string | null
  readonly request: PlannedRequest
}

type PlannedRequest = ClipRequest & {
  readonly input: { readonly length: number }
  readonly label: number | null
  readonly guidance: number
}

/** Number of clips of some length in samples that are made at once. */
function clipsAtOnce(length: number): number {
  return length > MAX_WHOLE_SAMPLES ? 1 : Math.min(MAX_BATCH_CLIPS, Math.floor(MAX_BATCH_SAMPLES / length))
}

/**
 * Follows `size` of the clips of a call, from clip `first` on, as a part of the whole call.
 *
 * @param count number of clips of the whole call. All take the same work
 */
function watchGroup({ signal, onProgress, onStep }: Watching, first: number, size: number, count: number): Watching {
  const report = ({ done, total }: Progress) => {
    const perClip = total! / size
    return onProgress?.({ done: first * perClip + done, total: count * perClip })
  }
  return { signal, onProgress: onProgress && report, onStep: onStep && watchFrom(onStep, first) }
}

async function* oneByOne<Item>(groups: AsyncIterable<readonly Item[]>): AsyncGenerator<Item, void, undefined> {
  for await (const group of groups) yield* group
}

/**
 * A generator: makes clips from noise, and from a label if the model has labels. It holds a model on an engine until
 * `dispose` is called.
 *
 * @example
 * const generator = await Generator.load('digits') // npm install @diffwave/digits
 * const clips = await generator.generate({ count: 4, label: 'seven', seed: 1 })
 * await Promise.all(clips.map(clip => clip.save(`${clip.seed}.wav`)))
 * await generator.dispose()
 */
export class Generator extends SoundModel {
  /** @throws DiffWaveError `BAD_CONFIG` if the model is not a generator */
  constructor(model: Denoiser) {
    super(model, 'generator')
  }

  /**
   * Loads a generator.
   *
   * @param model a shipped model's name, a model folder, a checkpoint file, a URL or `hf:owner/name`. In a browser: the
   * URL of a model folder. In both, also the kinds of files that `ModelInput` lists
   * @throws DiffWaveError as `loadModel`; `BAD_CONFIG` if the model is not a generator
   */
  static load(model: ModelInput, options: LoadModelOptions = {}): Promise<Generator> {
    return loadFor(loaded => new Generator(loaded), model, options)
  }

  /** Names of the model's labels; empty if it has none. */
  get labels(): readonly string[] {
    return this.config.network.labels ?? []
  }

  /**
   * The label that a clip with this seed gets if its options name none. Labels are drawn as often as the training clips
   * had them. Null if the model draws no labels.
   *
   * @throws DiffWaveError `BAD_OPTION` if the seed is not a non-negative safe integer
   */
  drawLabel(seed: number): string | null {
    check(seedField, seed, 'seed')
    const { labelShares } = this.config
    return labelShares === null ? null : this.labels[weightedIndex(labelShares, seed, draws.label, 0)]!
  }

  /**
   * Makes clips and returns all of them at once; see `clips`.
   *
   * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `UNKNOWN_LABEL`, `ABORTED`, `DISPOSED`
   */
  async generate(options: GenerateOptions = {}): Promise<GeneratedClip[]> {
    const made: GeneratedClip[] = []
    for await (const clip of this.clips(options)) made.push(clip)
    return made
  }

  /**
   * Makes clips and yields each as soon as it is ready. Clip i depends only on `seed` + i and its label, so that it can
   * be made alone with the same bytes.
   *
   * @example
   * for await (const clip of generator.clips({ count: 1000, seed: 1 })) await clip.save(`${clip.seed}.wav`)
   * @throws DiffWaveError as `generate`
   */
  clips(options: GenerateOptions = {}): AsyncGenerator<GeneratedClip, void, undefined> {
    const { planned, watching } = this.#plan(options)
    return this.#stoppable(watching, stop => oneByOne(this.#make(planned, { ...watching, signal: stop })))
  }

  /**
   * Makes clips and yields them in the groups in which they go through the network; see `clips`.
   *
   * @throws DiffWaveError as `generate`
   */
  batches(options: GenerateOptions = {}): AsyncGenerator<GeneratedClip[], void, undefined> {
    const { planned, watching } = this.#plan(options)
    return this.#stoppable(watching, stop => this.#make(planned, { ...watching, signal: stop }))
  }

  #stoppable<Item>({ signal }: Watching, open: (stop: AbortSignal) => AsyncGenerator<Item, void, undefined>) {
    return new Stoppable(open, { signal, lost: modelLost(this.model) })
  }

  #plan(options: GenerateOptions) {
    const checked = check(generateSchema, options, 'generate options')
    const { count: wanted, label: one, labels = [one], seed = drawSeed(), ...others } = checked
    const { signal, onProgress, onStep, ...rest } = others
    const count = wanted ?? labels.length
    checkSeedRange(seed, count)
    const plan = this.#planner(rest)
    const planned = Array.from({ length: count }, (_, i) => plan(labels[i % labels.length], seed + i))
    return { planned, watching: { signal, onProgress, onStep } }
  }

  /**
   * Makes one clip and yields it piece by piece, each piece as soon as it is final.
   *
   * @example
   * await pipeline(wavBytes(generator.stream({ seconds: 5, seed: 1 })), createWriteStream('clip.wav'))
   * @throws DiffWaveError as `generate`
   */
  stream(options: GeneratorStreamOptions = {}): AudioStream {
    const checked = check(streamSchema, options, 'stream options')
    const { label, seed = drawSeed(), signal, onProgress, onStep: _, ...rest } = checked
    const { request } = this.#planner(rest)(label, seed)
    return streamClip(this.model, { ...request, signal, onProgress })
  }

  /**
   * Fills the gaps of a recording so that both sides join. All other samples stay as they are, bit for bit, except for
   * a short fade at the edges of each gap. If the recording's rate is not the model's, only what fills the gaps is
   * resampled: it has no sound above half of the model's rate.
   *
   * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, and as `generate`
   */
  inpaint(audio: Audio, options: InpaintOptions): Promise<Synthesis> {
    return inpaint(this.model, audio, options)
  }

  /**
   * Removes noise from a recording. The noise level is estimated from the recording unless an option states it. Audio
   * at another rate is resampled first.
   *
   * @example
   * const { samples, noise } = await generator.denoise(await readAudio('noisy.wav'), { snr: 10, seed: 1 })
   * @throws DiffWaveError `BAD_OPTION` (also if the noise is louder than any noise level of the model), `BAD_AUDIO`,
   * `NOT_FINITE`, and as `generate`
   */
  denoise(audio: Audio, options: DenoiseOptions = {}): Promise<Denoised> {
    return denoise(this.model, audio, options)
  }

  /**
   * Makes a recording that lies between two others of the same length: both are noised to one training step, mixed and
   * denoised. Audio at another rate is resampled first.
   *
   * @example
   * const between = await generator.interpolate(first, second, { mix: 0.5, seed: 1 })
   * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO` (lengths differ), `NOT_FINITE`, and as `generate`
   */
  interpolate(first: Audio, second: Audio, options: InterpolateOptions = {}): Promise<Restored> {
    return interpolate(this.model, first, second, options)
  }

  /** Makes clips of one length, in groups. */
  async *#make(planned: readonly PlannedClip[], watching: Watching): AsyncGenerator<GeneratedClip[], void, undefined> {
    const atOnce = clipsAtOnce(planned[0]!.request.input.length)
    for (let first = 0; first < planned.length; first += atOnce) {
      const group = planned.slice(first, first + atOnce)
      const samples = await this.#samplesOf(group, watchGroup(watching, first, group.length, planned.length))
      yield group.map((clip, i) => this.#clip(clip, samples[i]!))
    }
  }

  /** Makes the samples of the clips of a group. */
  async #samplesOf(group: readonly PlannedClip[], watching: Watching): Promise<readonly Float32Array<ArrayBuffer>[]> {
    const { request } = group[0]!
    const { sampler, input } = request
    if (input.length > MAX_WHOLE_SAMPLES) return [(await wholeClip(this.model, { ...request, ...watching })).samples]
    return wholeClips(this.model, {
      sampler,
      length: input.length,
      clips: group.map(({ request: { seed, label } }) => ({ seed, label })),
      // All clips with a label have the same guidance, from the options or from the model. The others have none.
      guidance: Math.max(...group.map(clip => clip.request.guidance)),
      ...watching,
    })
  }

  #clip({ label, request: { seed, sampler } }: PlannedClip, samples: Float32Array<ArrayBuffer>): GeneratedClip {
    return new GeneratedClip({ samples, sampleRate: this.sampleRate, seed, steps: sampler.steps.length, label })
  }

  /**
   * Returns what plans the clips of a call, each by its label and seed. They share a sampler, which takes milliseconds
   * to make.
   */
  #planner({ seconds, guidance, ...choice }: Pick<ClipFields, 'seconds' | 'guidance'> & SamplerChoice) {
    const { diffusion } = this.config
    const sampler = createSampler(diffusion, choice)
    const length = clipSamples(this.config, seconds)
    /** @param wanted null: no label; undefined: one drawn by the seed if the model draws labels */
    return (wanted: string | null | undefined, seed: number): PlannedClip => {
      const label = wanted === undefined ? this.drawLabel(seed) : wanted
      if (guidance !== undefined && guidance > 0 && label === null) {
        throw new DiffWaveError('BAD_OPTION', 'guidance needs a label to follow', {
          where: 'guidance',
          hint: 'Name a label, or leave guidance out.',
        })
      }
      return {
        label,
        request: {
          sampler,
          seed,
          input: { length },
          label: this.model.labelIndex(label),
          guidance: label === null ? 0 : (guidance ?? diffusion.defaultGuidance),
        },
      }
    }
  }
}
