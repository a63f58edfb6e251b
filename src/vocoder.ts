/** The vocoder: a mel spectrogram in, a waveform out, whole or as it becomes final. */
import { z } from 'zod'
import type { Audio } from './audio/codecs/wav.js'
import type { Mel } from './audio/mel/convention.js'
import { frameCount, type MelSource } from './audio/mel/feed.js'
import { checkMelFor, melSpectrogram } from './audio/mel/mel.js'
import { refinementObstacle } from './audio/mel/phase-refinement.js'
import { resample } from './audio/resample.js'
import { DiffWaveError } from './core/errors.js'
import { MAX_CLIPS, MAX_REFINEMENT_ITERATIONS } from './core/limits.js'
import { check } from './core/options.js'
import { drawSeed } from './core/seed.js'
import type { Denoiser } from './denoiser/denoiser.js'
import { type LoadModelOptions, loadModel } from './denoiser/load-model.js'
import { createSampler } from './diffusion/samplers/create.js'
import type { ModelConfig } from './model/config.js'
import { DEFAULT_MOMENTUM, type RefinementConfig } from './model/diffusion-config.js'
import { type InpaintOptions, inpaint } from './repair/inpainting.js'
import { type ClipRequest, streamClip, wholeClip } from './synthesis/clip.js'
import { type AudioStream, type Synthesis, samplingOptions } from './synthesis/options.js'

const batchSchema = z.strictObject({
  ...samplingOptions,
  /** The voice, for models that have labels; null or not given: none. */
  label: z.string().nullable().default(null),
  /** Iterations of phase refinement after the last pass (fast Griffin-Lim from the model's own phases, towards the mel); 0: none.
   * The model's default where not given. */
  refine: z.number().int().min(0).max(MAX_REFINEMENT_ITERATIONS).optional(),
})

const synthesizeSchema = batchSchema.extend({
  /** Samples wanted, for a recording whose length is known: the rest of frames × hop is cut off. */
  length: z.number().int().min(1).optional(),
})

const streamSchema = synthesizeSchema.extend({
  /** Mel frames fed at a time: few give the first audio sooner, many run faster. The bytes do not depend on it. */
  chunkFrames: z.number().int().min(1).max(100_000).optional(),
})

export type SynthesizeOptions = Readonly<z.input<typeof synthesizeSchema>>
export type StreamOptions = Readonly<z.input<typeof streamSchema>>
export type BatchOptions = Readonly<z.input<typeof batchSchema>>

/** Samples fed at a time by `stream`: small, so that audio starts soon. */
const STREAM_CHUNK = 2048

/**
 * A vocoder model on an engine.
 *
 * @example
 * const vocoder = await Vocoder.load('speech')
 * const { samples, sampleRate, seed } = await vocoder.synthesize(mel, { steps: 6 })
 */
export class Vocoder {
  /** @throws DiffWaveError `BAD_CONFIG` where the model is no vocoder */
  constructor(readonly model: Denoiser) {
    if (model.config.kind !== 'vocoder') {
      throw new DiffWaveError('BAD_CONFIG', 'this model is not a vocoder', {
        expected: 'vocoder',
        got: model.config.kind,
        hint: 'Use Generator (diffwave generate) for it.',
      })
    }
  }

  /**
   * @param source a shipped model's name, a model folder, or a checkpoint file
   * @throws DiffWaveError as `loadModel`; `BAD_CONFIG` where the model is no vocoder
   */
  static async load(source: string, options: LoadModelOptions = {}): Promise<Vocoder> {
    const model = await loadModel(source, options)
    try {
      return new Vocoder(model)
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

  /**
   * The waveform of a mel: frames × hop samples, or `length` of them.
   *
   * @param mel `[bands × frames]` in the model's own convention
   * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `BAD_MEL`, `MEL_RANGE`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`,
   * `DISPOSED`
   */
  async synthesize(mel: Mel, options: SynthesizeOptions = {}): Promise<Synthesis> {
    const { length, ...rest } = check(synthesizeSchema, options, 'synthesize options')
    const examine = this.#examiner('mel')
    examine(mel)
    this.#checkLength(mel, length)
    return wholeClip(this.model, { ...this.#request(mel, rest), trim: length })
  }

  /**
   * The same waveform, byte for byte, in pieces as they become final, in bounded memory. With more than
   * `PASSES_IN_FLIGHT` (8) steps the intermediate audio is kept whole and sound starts in the last sweep.
   *
   * @param mel a whole mel, or pieces of one: whole frames, any number at a time; `openMel` gives those of a file
   * @throws DiffWaveError as `synthesize`, when the stream is read
   */
  stream(mel: MelSource, options: StreamOptions = {}): AudioStream {
    const { length, chunkFrames, ...rest } = check(streamSchema, options, 'stream options')
    this.#checkLength(mel, length)
    const chunk = chunkFrames === undefined ? STREAM_CHUNK : chunkFrames * this.model.config.mel!.hop
    return streamClip(this.model, { ...this.#request(mel, rest), trim: length, chunk })
  }

  /**
   * Several mels; clip i has the seed plus i, so that it can be had alone with the same bytes.
   *
   * @throws DiffWaveError as `synthesize`
   */
  async synthesizeBatch(mels: readonly Mel[], options: BatchOptions = {}): Promise<Synthesis[]> {
    const { seed = drawSeed(), onProgress, ...rest } = check(batchSchema, options, 'synthesizeBatch options')
    if (mels.length > MAX_CLIPS || !Number.isSafeInteger(seed + mels.length)) {
      throw new DiffWaveError('BAD_OPTION', 'too many mels at once, or too large a seed', {
        expected: `at most ${MAX_CLIPS} mels`,
        got: String(mels.length),
      })
    }
    const examine = mels.map((_, i) => this.#examiner(`mel ${i}`))
    mels.forEach((mel, i) => {
      examine[i]!(mel)
    })
    const frames = mels.reduce((sum, mel) => sum + mel.frames, 0)
    const results: Synthesis[] = []
    let before = 0
    let perFrame = 0
    for (const [i, mel] of mels.entries()) {
      const request = this.#request(mel, {
        ...rest,
        seed: seed + i,
        onProgress:
          onProgress &&
          (({ done, total }) => {
            perFrame = total! / mel.frames
            onProgress({ done: before * perFrame + done, total: frames * perFrame })
          }),
      })
      results.push(await wholeClip(this.model, request))
      before += mel.frames
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
    return wholeClip(this.model, { ...this.#request(mel, rest), trim: length })
  }

  /**
   * A recording's mel in the model's own convention, and its length in samples at the model's rate: what `resynthesize` goes by.
   * Audio at another rate is resampled first.
   *
   * @throws DiffWaveError `BAD_AUDIO`, `BAD_OPTION`, `NOT_FINITE`
   */
  async analyse(audio: Audio): Promise<{ readonly mel: Mel; readonly length: number }> {
    const samples = await resample(audio.samples, audio.sampleRate, this.sampleRate)
    const mel = melSpectrogram({ samples, sampleRate: this.sampleRate }, this.model.config.mel!)
    return { mel, length: samples.length }
  }

  /**
   * A recording with its gaps filled so that both sides join. Elsewhere it stays bit for bit, but for a short fade at the edges.
   *
   * @example
   * const { samples } = await vocoder.inpaint(audio, { gaps: [{ start: 1.2, end: 1.25 }] })
   * @throws DiffWaveError `BAD_OPTION`, `SAMPLE_RATE_MISMATCH`, `BAD_AUDIO`, `NOT_FINITE`, and as `synthesize`
   */
  inpaint(audio: Audio, options: InpaintOptions): Promise<Synthesis> {
    return inpaint(this.model, audio, options)
  }

  /** Frees the engine. */
  dispose(): Promise<void> {
    return this.model.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #request(mel: MelSource, options: z.output<typeof batchSchema>): ClipRequest {
    const { seed = drawSeed(), label, refine, signal, onProgress, ...choice } = options
    return {
      sampler: createSampler(this.model.config.diffusion, choice),
      seed,
      over: { source: mel, examine: this.#examiner('mel') },
      label: this.model.labelIndex(label),
      refinement: this.#refinement(refine),
      signal,
      onProgress,
    }
  }

  #refinement(iterations: number | undefined): RefinementConfig | null {
    const own = this.model.config.diffusion.refinement
    if (iterations === undefined) return own
    if (iterations === 0) return null
    const lacking = refinementObstacle(this.model.config.mel!)
    if (lacking !== null) {
      throw new DiffWaveError('BAD_OPTION', 'the model’s mel convention cannot be refined by', {
        expected: lacking,
        where: 'refine',
      })
    }
    return { iterations, momentum: own?.momentum ?? DEFAULT_MOMENTUM }
  }

  #examiner(where: string): (mel: Mel) => void {
    return mel => checkMelFor(mel, this.model.config.mel!, where)
  }

  #checkLength(mel: MelSource, length: number | undefined): void {
    const most = (frameCount(mel) ?? Number.POSITIVE_INFINITY) * this.model.config.mel!.hop
    if (length !== undefined && length > most) {
      throw new DiffWaveError('BAD_OPTION', 'the length is more than the mel covers', {
        expected: `at most ${most} samples`,
        got: String(length),
        where: 'length',
      })
    }
  }
}
