/** The vocoder: a mel spectrogram in, a waveform out, whole or as it becomes final. */
import { z } from 'zod'
import type { Audio } from './audio/audio.js'
import { checkAudio } from './audio/check-audio.js'
import { checkMelShape } from './audio/mel/check-mel.js'
import { type Mel, type MelConvention, refinementObstacle } from './audio/mel/convention.js'
import { MelFeed } from './audio/mel/feed.js'
import { sliceMel } from './audio/mel/frames.js'
import { coveredSamples, melInTurns } from './audio/mel/mel.js'
import { DEFAULT_RELAXATION } from './audio/mel/relaxation.js'
import type { MelSource } from './audio/mel/source.js'
import { resample } from './audio/resample.js'
import { describe } from './core/describe.js'
import { DiffWaveError } from './core/errors.js'
import { MAX_CHUNK_FRAMES, MAX_CLIPS, MAX_REFINEMENT_ITERATIONS } from './core/limits.js'
import { abortSignal, check, type FieldsOf } from './core/options.js'
import type { Progress } from './core/progress.js'
import { checkSeedRange, drawSeed } from './core/seed.js'
import type { Denoiser } from './denoiser/denoiser.js'
import type { LoadModelOptions } from './denoiser/load-model.js'
import { loadFor, SoundModel } from './denoiser/sound-model.js'
import { createSampler } from './diffusion/samplers/create.js'
import type { ModelConfig } from './model/config.js'
import { DEFAULT_MOMENTUM, defaultIterations, type RefinementConfig } from './model/diffusion-config.js'
import type { ModelInput } from './model/model-input.js'
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
import { watchFrom } from './synthesis/sampling-step.js'

/** The config of a vocoder, which has a mel convention. */
export interface VocoderConfig extends ModelConfig {
  /** The convention of the mels that it takes. */
  readonly mel: MelConvention
}

/** Options of every synthesis, whole or streamed. */
interface VocoderFields {
  /** Name of the voice, for models with labels; null for no label. Default: null. */
  readonly label?: string | null | undefined
  /**
   * Number of phase-refinement iterations after the last step, 0 to 100; 0 turns refinement off. It is fast Griffin-Lim
   * that starts from the phases of the model's output and matches the energy of each mel band. Default: the model's own
   * number.
   */
  readonly refine?: number | undefined
}

/** Options of `analyse`. */
export interface AnalyseOptions {
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

/** Result of `analyse`. */
export interface AnalysedAudio {
  /** The mel in the model's convention. */
  readonly mel: Mel
  /**
   * Length of the recording in samples, at the model's sample rate. With a mel convention whose `framing` is `edge`,
   * what follows the last whole hop does not count, as the mel does not cover it.
   */
  readonly length: number
}

/** Options of `synthesizeBatch` and `resynthesize`. */
export interface BatchOptions extends WholeClipOptions, VocoderFields {}

/** Options of `synthesize`. */
export interface SynthesizeOptions extends BatchOptions {
  /**
   * Number of samples to return, 1 to frames × hop. Use it if you know the length of the recording that the mel was
   * computed from. Default: frames × hop.
   */
  readonly length?: number | undefined
}

/** Options of `stream`. */
export interface StreamOptions extends SamplingOptions, VocoderFields {
  /** Number of samples to return, as for `synthesize`. Default: frames × hop. */
  readonly length?: number | undefined
  /**
   * Number of mel frames to process at a time, 1 to 100,000. Small chunks bring the first audio sooner, large ones run
   * faster; the audio is the same, byte for byte. Default: as many frames as 2048 samples.
   */
  readonly chunkFrames?: number | undefined
}

const vocoderFields = {
  label: labelField.default(null),
  refine: z.number().int().min(0).max(MAX_REFINEMENT_ITERATIONS).optional(),
} satisfies FieldsOf<VocoderFields>
const lengthField = z.number().int().min(1).optional()

const analyseSchema = z.strictObject({ signal: abortSignal.optional() } satisfies FieldsOf<AnalyseOptions>)
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
  chunkFrames: z.number().int().min(1).max(MAX_CHUNK_FRAMES).optional(),
} satisfies FieldsOf<StreamOptions>)

/** Default number of samples that `stream` processes at a time: small, so that audio starts soon. */
const STREAM_CHUNK = 2048

/**
 * A vocoder: makes waveforms from mel spectrograms. It holds a model on an engine until `dispose` is called.
 *
 * @example
 * const vocoder = await Vocoder.load('speech')
 * const { mel } = await readMel('hello.npy')
 * const speech = await vocoder.synthesize(mel, { steps: 6, seed: 1 })
 * await speech.save('hello.wav')
 * await vocoder.dispose()
 */
export class Vocoder extends SoundModel {
  /** @throws DiffWaveError `BAD_CONFIG` if the model is not a vocoder */
  constructor(model: Denoiser) {
    super(model, 'vocoder')
  }

  /** The model's `config.json`, with every default filled in. `config.mel` is the convention of the mels. */
  override get config(): VocoderConfig {
    // The schema of configs requires a mel convention of every vocoder.
    return this.model.config as VocoderConfig
  }

  /**
   * Loads a vocoder.
   *
   * @param model a shipped model's name, a model folder, a checkpoint file, a URL or `hf:owner/name`. In a browser: the
   * URL of a model folder. In both, also the kinds of files that `ModelInput` lists
   * @throws DiffWaveError as `loadModel`; `BAD_CONFIG` if the model is not a vocoder
   */
  static load(model: ModelInput, options: LoadModelOptions = {}): Promise<Vocoder> {
    return loadFor(loaded => new Vocoder(loaded), model, options)
  }

  /**
   * Makes the waveform of a mel: frames × hop samples, or the first `length` of them.
   *
   * @param mel `[bands × frames]`, computed in the model's convention (`config.mel`)
   * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `BAD_MEL` (wrong shape or number of bands), `MEL_RANGE` (values
   * of another convention), `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`, `DISPOSED`
   */
  async synthesize(mel: Mel, options: SynthesizeOptions = {}): Promise<Synthesis> {
    const { length, ...rest } = check(synthesizeSchema, options, 'synthesize options')
    const feed = this.#wholeFeed(mel, 'mel')
    checkLength(feed, length)
    return wholeClip(this.model, { ...this.#request(feed, rest), trim: length })
  }

  /**
   * Makes the same waveform as `synthesize`, byte for byte, and yields it piece by piece in bounded memory. More than 8
   * steps take several sweeps over the clip: the audio between two sweeps is kept in memory, and the first piece comes
   * in the last sweep.
   *
   * @param mel a whole mel, or an iterable of pieces of one, each with any number of whole frames. `openMel` reads such
   * pieces from a file. A whole mel is read as the stream goes on, so do not change it before the stream has ended
   * @throws DiffWaveError as `synthesize`. What is wrong with a piece of a mel is thrown while the stream is read
   * @example
   * for await (const samples of vocoder.stream(await openMel('hello.npy'), { seed: 1 })) play(samples)
   */
  stream(mel: MelSource, options: StreamOptions = {}): AudioStream {
    const { length, chunkFrames, onStep: _, ...rest } = check(streamSchema, options, 'stream options')
    const feed = new MelFeed(mel, this.config.mel)
    checkLength(feed, length)
    const chunk = chunkFrames === undefined ? STREAM_CHUNK : chunkFrames * feed.hop
    return streamClip(this.model, { ...this.#request(feed, rest), trim: length, chunk })
  }

  /**
   * Makes one clip per mel. Clip i uses `seed` + i, so that `synthesize` with that seed makes the same bytes.
   *
   * @example
   * const clips = await vocoder.synthesizeBatch((await readMels('batch.npy', 80)).map(({ mel }) => mel))
   * @throws DiffWaveError as `synthesize`
   */
  async synthesizeBatch(mels: readonly Mel[], options: BatchOptions = {}): Promise<Synthesis[]> {
    const { seed = drawSeed(), onProgress, onStep, ...rest } = check(batchSchema, options, 'synthesizeBatch options')
    if (!Array.isArray(mels) || mels.length > MAX_CLIPS) {
      throw new DiffWaveError('BAD_OPTION', 'not a list of mels, or too many', {
        expected: `an array of at most ${MAX_CLIPS} mels`,
        got: Array.isArray(mels) ? String(mels.length) : describe(mels),
        where: 'synthesizeBatch mels',
      })
    }
    checkSeedRange(seed, mels.length)
    // `map` would leave out the holes of a sparse array.
    const feeds = Array.from(mels, (mel, i) => this.#wholeFeed(mel, `mel ${i}`))
    const total = feeds.reduce((sum, feed) => sum + feed.length!, 0)
    const results: Synthesis[] = []
    let before = 0
    for (const [i, feed] of feeds.entries()) {
      const request = this.#request(feed, { ...rest, seed: seed + i, onStep: onStep && watchFrom(onStep, i) })
      const passes = request.sampler.steps.length
      const start = before * passes
      const report = onProgress && (({ done }: Progress) => onProgress({ done: start + done, total: total * passes }))
      results.push(await wholeClip(this.model, { ...request, onProgress: report }))
      before += feed.length!
    }
    return results
  }

  /**
   * Copies a recording: computes its mel and makes audio of that. The copy has the model's sample rate and the
   * recording's length. Audio at another rate is resampled first.
   *
   * @example
   * const copy = await vocoder.resynthesize(await readAudio('recording.wav'), { seed: 1 })
   * @throws DiffWaveError `BAD_AUDIO`, `NOT_FINITE`, and as `synthesize`
   */
  async resynthesize(audio: Audio, options: BatchOptions = {}): Promise<Synthesis> {
    const rest = check(batchSchema, options, 'resynthesize options')
    const { mel, length } = await this.analyse(audio, { signal: rest.signal })
    const feed = new MelFeed(mel, this.config.mel)
    return wholeClip(this.model, { ...this.#request(feed, rest), trim: length })
  }

  /**
   * Computes what `resynthesize` starts from: a recording's mel in the model's convention, and its length in samples at
   * the model's rate. Audio at another rate is resampled first.
   *
   * @example
   * const { mel, length } = await vocoder.analyse(await readAudio('recording.wav'))
   * const copy = await vocoder.synthesize(mel, { length })
   * @throws DiffWaveError `BAD_AUDIO`, `BAD_OPTION`, `NOT_FINITE`, `ABORTED`
   */
  async analyse(audio: Audio, options: AnalyseOptions = {}): Promise<AnalysedAudio> {
    const { signal } = check(analyseSchema, options, 'analyse options')
    checkAudio(audio, 'the recording')
    const own = await resample(audio, this.sampleRate, { signal })
    const mel = await melInTurns(own, this.config.mel, signal)
    return { mel, length: coveredSamples(own.samples.length, mel, this.config.mel) }
  }

  /**
   * Fills the gaps of a recording so that both sides join. All other samples stay as they are, bit for bit, except for
   * a short fade at the edges of each gap. If the recording's rate is not the model's, only what fills the gaps is
   * resampled: it has no sound above half of the model's rate.
   *
   * @example
   * const { samples } = await vocoder.inpaint(audio, { gaps: [{ start: 1.2, end: 1.25 }] })
   * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, and as `synthesize`
   */
  inpaint(audio: Audio, options: InpaintOptions): Promise<Synthesis> {
    return inpaint(this.model, audio, options)
  }

  /** A feed for a whole mel. It is read piece by piece, so from a copy: the caller may write to its array meanwhile. */
  #wholeFeed(mel: Mel, where: string): MelFeed {
    checkMelShape(mel, where)
    return new MelFeed(sliceMel(mel, 0, mel.frames), this.config.mel, where)
  }

  #request(mel: MelFeed, options: z.output<typeof batchSchema>): ClipRequest {
    const { seed = drawSeed(), label, refine, signal, onProgress, onStep, ...choice } = options
    return {
      sampler: createSampler(this.config.diffusion, choice),
      seed,
      input: { mel },
      label: this.model.labelIndex(label),
      refinement: this.#refinement(refine),
      highBand: this.config.diffusion.highBand,
      signal,
      onProgress,
      onStep,
    }
  }

  #refinement(wanted: number | undefined): RefinementConfig | null {
    const iterations = wanted ?? defaultIterations(this.config.diffusion)
    if (iterations === 0) return null
    const obstacle = refinementObstacle(this.config.mel)
    if (obstacle !== null) {
      throw new DiffWaveError('BAD_OPTION', 'the model’s mel convention does not allow phase refinement', {
        expected: obstacle,
        where: 'refine',
      })
    }
    const own = this.config.diffusion.refinement
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
