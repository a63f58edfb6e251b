/** The vocoder: a mel spectrogram in, a waveform out, whole or as it becomes final. */
import { z } from 'zod'
import type { Audio } from './audio/audio.js'
import { checkAudio } from './audio/check-audio.js'
import { checkMelShape } from './audio/mel/check-mel.js'
import { type Mel, refinementObstacle } from './audio/mel/convention.js'
import { MelFeed } from './audio/mel/feed.js'
import { melSpectrogram } from './audio/mel/mel.js'
import type { MelSource } from './audio/mel/source.js'
import { resample } from './audio/resample.js'
import { describe } from './core/describe.js'
import { DiffWaveError } from './core/errors.js'
import { MAX_CLIPS, MAX_REFINEMENT_ITERATIONS } from './core/limits.js'
import { check, type FieldsOf } from './core/options.js'
import type { Progress } from './core/progress.js'
import { drawSeed } from './core/seed.js'
import type { Denoiser } from './denoiser/denoiser.js'
import type { LoadModelOptions } from './denoiser/load-model.js'
import type { ModelInput } from './denoiser/model-input.js'
import { loadFor, SoundModel } from './denoiser/sound-model.js'
import { createSampler } from './diffusion/samplers/create.js'
import { DEFAULT_MOMENTUM, DEFAULT_RELAXATION, type RefinementConfig } from './model/diffusion-config.js'
import { type InpaintOptions, inpaint } from './repair/inpainting.js'
import { type ClipRequest, streamClip, wholeClip } from './synthesis/clip.js'
import {
  labelField,
  type SamplingOptions,
  streamFields,
  type WholeClipOptions,
  wholeClipFields,
} from './synthesis/options.js'
import type { AudioStream, Synthesis } from './synthesis/result.js'
import { clipOfBatch } from './synthesis/watch.js'

/** Options of every synthesis, whole or streamed. */
interface VocoderFields {
  /** The voice, for models that have labels. Default: null, none. */
  readonly label?: string | null | undefined
  /**
   * Iterations of phase refinement after the last step, 0 to 100: fast Griffin-Lim that starts from the model's own
   * phases and matches the mel's band energies. 0: none. Default: the model's.
   */
  readonly refine?: number | undefined
}

/** Result of `analyse`. */
export interface AnalysedAudio {
  /** The mel in the model's convention. */
  readonly mel: Mel
  /** Samples of the recording at the model's rate. */
  readonly length: number
}

/** Options of `synthesizeBatch` and `resynthesize`. */
export interface BatchOptions extends WholeClipOptions, VocoderFields {}

/** Options of `synthesize`. */
export interface SynthesizeOptions extends BatchOptions {
  /**
   * Samples to return, from 1, for a recording whose length is known. Default: all that the mel covers, frames × hop.
   */
  readonly length?: number | undefined
}

/** Options of `stream`. */
export interface StreamOptions extends SamplingOptions, VocoderFields {
  /** Samples to return, as for `synthesize`. */
  readonly length?: number | undefined
  /**
   * Mel frames fed at a time, 1 to 100,000: few bring the first audio sooner, many run faster. The bytes do not depend
   * on it. Default: as many as 2048 samples.
   */
  readonly chunkFrames?: number | undefined
}

const vocoderFields = {
  label: labelField.default(null),
  refine: z.number().int().min(0).max(MAX_REFINEMENT_ITERATIONS).optional(),
} satisfies FieldsOf<VocoderFields>
const lengthField = z.number().int().min(1).optional()

const batchSchema = z.strictObject({ ...wholeClipFields, ...vocoderFields } satisfies FieldsOf<BatchOptions>)
const synthesizeSchema = z.strictObject({
  ...wholeClipFields,
  ...vocoderFields,
  length: lengthField,
} satisfies FieldsOf<SynthesizeOptions>)
const streamSchema = z.strictObject({
  ...streamFields,
  ...vocoderFields,
  length: lengthField,
  chunkFrames: z.number().int().min(1).max(100_000).optional(),
} satisfies FieldsOf<StreamOptions>)

/** Samples fed at a time by `stream`: small, so that audio starts soon. */
const STREAM_CHUNK = 2048

/**
 * A vocoder model on an engine.
 *
 * @example
 * const vocoder = await Vocoder.load('speech')
 * const { mel } = await readMel('hello.npy')
 * await (await vocoder.synthesize(mel, { steps: 6 })).save('hello.wav')
 */
export class Vocoder extends SoundModel {
  /** @throws DiffWaveError `BAD_CONFIG` if the model is not a vocoder */
  constructor(model: Denoiser) {
    super(model, 'vocoder')
  }

  /**
   * @param model a shipped model's name, a model folder, a checkpoint file, a URL, or `hf:owner/name`; in a browser,
   * the URL of a model folder; in both, files as `ModelInput` lists them
   * @throws DiffWaveError as `loadModel`; `BAD_CONFIG` if the model is not a vocoder
   */
  static load(model: ModelInput, options: LoadModelOptions = {}): Promise<Vocoder> {
    return loadFor(loaded => new Vocoder(loaded), model, options)
  }

  /**
   * The waveform of a mel: frames × hop samples, or `length` of them.
   *
   * @param mel `[bands × frames]` in the model's own convention
   * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `BAD_MEL`, `MEL_RANGE`, `NOT_FINITE`, `UNKNOWN_LABEL`,
   * `ABORTED`, `DISPOSED`
   */
  async synthesize(mel: Mel, options: SynthesizeOptions = {}): Promise<Synthesis> {
    const { length, ...rest } = check(synthesizeSchema, options, 'synthesize options')
    const feed = this.#wholeFeed(mel, 'mel')
    checkLength(feed, length)
    return wholeClip(this.model, { ...this.#request(feed, rest), trim: length })
  }

  /**
   * The same waveform, byte for byte, in pieces as they become final, in bounded memory. With more than 8 steps the
   * intermediate audio is kept whole, and the first audio comes in the last sweep over it.
   *
   * @param mel a whole mel, or pieces of one: whole frames, any number at a time; `openMel` returns those of a file
   * @throws DiffWaveError as `synthesize`; for pieces of a mel, when the stream is read
   */
  stream(mel: MelSource, options: StreamOptions = {}): AudioStream {
    const { length, chunkFrames, onStep: _, ...rest } = check(streamSchema, options, 'stream options')
    const feed = new MelFeed(mel, this.config.mel!)
    checkLength(feed, length)
    const chunk = chunkFrames === undefined ? STREAM_CHUNK : chunkFrames * feed.hop
    return streamClip(this.model, { ...this.#request(feed, rest), trim: length, chunk })
  }

  /**
   * Several mels; clip i has the seed plus i, so that it can be made alone with the same bytes.
   *
   * @throws DiffWaveError as `synthesize`
   */
  async synthesizeBatch(mels: readonly Mel[], options: BatchOptions = {}): Promise<Synthesis[]> {
    const { seed = drawSeed(), onProgress, onStep, ...rest } = check(batchSchema, options, 'synthesizeBatch options')
    if (!Array.isArray(mels) || mels.length > MAX_CLIPS) {
      throw new DiffWaveError('BAD_OPTION', 'not a list of mels, or too many', {
        expected: `an array of at most ${MAX_CLIPS} mels`,
        got: Array.isArray(mels) ? String(mels.length) : describe(mels),
      })
    }
    if (!Number.isSafeInteger(seed + mels.length)) {
      throw new DiffWaveError('BAD_OPTION', 'the seed leaves no room for that many clips', { where: 'seed' })
    }
    const feeds = mels.map((mel, i) => this.#wholeFeed(mel, `mel ${i}`))
    const total = feeds.reduce((sum, feed) => sum + feed.length!, 0)
    const results: Synthesis[] = []
    let before = 0
    for (const [i, feed] of feeds.entries()) {
      const request = this.#request(feed, { ...rest, seed: seed + i, onStep: onStep && clipOfBatch(onStep, i) })
      const passes = request.sampler.steps.length
      const start = before * passes
      const report = onProgress && (({ done }: Progress) => onProgress({ done: start + done, total: total * passes }))
      results.push(await wholeClip(this.model, { ...request, onProgress: report }))
      before += feed.length!
    }
    return results
  }

  /**
   * A recording, taken to its mel and back: what the model makes of it, as long as the recording at the model's rate.
   * Audio at another rate is resampled first.
   *
   * @throws DiffWaveError `BAD_AUDIO`, `NOT_FINITE`, and as `synthesize`
   */
  async resynthesize(audio: Audio, options: BatchOptions = {}): Promise<Synthesis> {
    const rest = check(batchSchema, options, 'resynthesize options')
    const { mel, length } = await this.analyse(audio)
    return wholeClip(this.model, { ...this.#request(this.#wholeFeed(mel, 'mel'), rest), trim: length })
  }

  /**
   * A recording's mel in the model's own convention, and its length in samples at the model's rate: the input of
   * `resynthesize`. Audio at another rate is resampled first.
   *
   * @throws DiffWaveError `BAD_AUDIO`, `BAD_OPTION`, `NOT_FINITE`
   */
  async analyse(audio: Audio): Promise<AnalysedAudio> {
    checkAudio(audio, 'the recording')
    const samples = await resample(audio.samples, audio.sampleRate, this.sampleRate)
    const mel = melSpectrogram({ samples, sampleRate: this.sampleRate }, this.config.mel!)
    return { mel, length: samples.length }
  }

  /**
   * A recording with its gaps filled so that both sides join. Elsewhere it stays bit for bit, but for a short fade at
   * the edges.
   *
   * @example
   * const { samples } = await vocoder.inpaint(audio, { gaps: [{ start: 1.2, end: 1.25 }] })
   * @throws DiffWaveError `BAD_OPTION`, `SAMPLE_RATE_MISMATCH`, `BAD_AUDIO`, `NOT_FINITE`, and as `synthesize`
   */
  inpaint(audio: Audio, options: InpaintOptions): Promise<Synthesis> {
    return inpaint(this.model, audio, options)
  }

  /** The feed of a mel that must be whole. */
  #wholeFeed(mel: Mel, where: string): MelFeed {
    checkMelShape(mel, where)
    return new MelFeed(mel, this.config.mel!, where)
  }

  #request(mel: MelFeed, options: z.output<typeof batchSchema>): ClipRequest {
    const { seed = drawSeed(), label, refine, signal, onProgress, onStep, ...choice } = options
    return {
      sampler: createSampler(this.config.diffusion, choice),
      seed,
      input: { mel },
      label: this.model.labelIndex(label),
      refinement: this.#refinement(refine),
      signal,
      onProgress,
      onStep,
    }
  }

  #refinement(iterations: number | undefined): RefinementConfig | null {
    const own = this.config.diffusion.refinement
    if (iterations === undefined) return own
    if (iterations === 0) return null
    const obstacle = refinementObstacle(this.config.mel!)
    if (obstacle !== null) {
      throw new DiffWaveError('BAD_OPTION', 'the model’s mel convention does not allow phase refinement', {
        expected: obstacle,
        where: 'refine',
      })
    }
    return {
      iterations,
      momentum: own?.momentum ?? DEFAULT_MOMENTUM,
      relaxation: own?.relaxation ?? DEFAULT_RELAXATION,
    }
  }
}

function checkLength(mel: MelFeed, length: number | undefined): void {
  const max = mel.length ?? Number.POSITIVE_INFINITY
  if (length !== undefined && length > max) {
    throw new DiffWaveError('BAD_OPTION', 'the length is more than the mel covers', {
      expected: `at most ${max} samples`,
      got: String(length),
      where: 'length',
    })
  }
}
