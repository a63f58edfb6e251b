/** The trainer: folders of recordings in, a model folder out, one update at a time. */
import { z } from 'zod'
import type { Audio } from './audio/audio.js'
import type { Callback } from './core/callback.js'
import { DiffWaveError, throwIfAborted } from './core/errors.js'
import { MAX_THREADS } from './core/limits.js'
import { abortSignal, callback, check, type FieldsOf, functionSchema } from './core/options.js'
import { type PathLike, toPath } from './core/path.js'
import { SharedWork } from './core/shared-work.js'
import type { Tensors } from './core/tensor.js'
import type { Engine } from './engines/engine.js'
import { createEngine, type EngineName, engineNames } from './engines/select.js'
import { recordingCachePath } from './formats/run-folder.js'
import type { ModelConfig } from './model/config.js'
import { type ModelFiles, readModel } from './model/read-model.js'
import { isRemote } from './model/remote/address.js'
import { modelPath } from './model/shipped-models.js'
import { checkTrainingConfig, type TrainingConfig, type TrainingConfigInput } from './training/config.js'
import type { Dataset } from './training/data/dataset.js'
import type { LoadProgress } from './training/data/dataset-options.js'
import type { ReadDataset } from './training/data/read-dataset.js'
import type { Preview } from './training/preview.js'
import type { TrainingStep, TrainingSummary } from './training/run/training-step.js'

/** A generator's clips may be shorter than a crop: silence follows them. Shorter ones than this are clicks. */
const MIN_GENERATOR_SAMPLES = 256

/** The recordings, and what they need of the run's cache if they were read from folders. */
type LoadedData = Pick<ReadDataset, 'data'> & Partial<ReadDataset>

/** What to train, on what, and where. */
export interface TrainerOptions {
  /** The training config (docs/training.md): the model to train, and everything that its weights depend on. */
  readonly config: TrainingConfigInput
  /** Folders of recordings, or a data set that `loadDataset` returned. */
  readonly data: PathLike | readonly PathLike[] | Dataset
  /** Folder for the checkpoint, the log and the model; created if missing. */
  readonly out: PathLike
  /**
   * Folder of predicted mels: one `.npy` per recording, with the recording's path below its own folder. Default: `.npy`
   * files beside the recordings; without them, mels are computed.
   */
  readonly mels?: PathLike | undefined
  /**
   * Whether to continue the run in `out` from its checkpoint. If false, a folder with the checkpoint of another trainer
   * is refused. Default: false.
   */
  readonly resume?: boolean | undefined
  /**
   * Whether to continue the run in `out` and finish it: its learning rate comes down over the config’s `decaySteps`,
   * and the run ends, whatever `totalSteps` says. If that is interrupted, continue it with the same option. Default:
   * false.
   */
  readonly finish?: boolean | undefined
  /**
   * The model to start from, for fine-tuning: the name of a shipped model, a folder, a checkpoint, or a model in
   * memory. Default: random weights.
   */
  readonly from?: PathLike | ModelFiles | undefined
  /**
   * Stops after this many updates, counted from the start of the run, not from the point where it was resumed. Default:
   * the config’s `totalSteps`.
   */
  readonly maxSteps?: number | undefined
  /** Stops this call after this many hours; the run can be resumed. Default: no limit. */
  readonly maxHours?: number | undefined
  /** What runs the network. Default: the config’s `engine`. */
  readonly engine?: EngineName | undefined
  /** Number of threads of the native or the wasm engine. Default: all cores. */
  readonly threads?: number | undefined
  /** Whether to write TensorBoard event files. Default true. */
  readonly events?: boolean | undefined
  /**
   * Makes what the event files show at each validation; null for nothing. If it throws, the run ends with that error.
   * Default: a clip and its spectrogram.
   */
  readonly preview?: Preview | null | undefined
  /** Creates the engine. It replaces `engine` and `threads`. */
  readonly createEngine?: ((model: ModelConfig, weights: Tensors) => Promise<Engine>) | undefined
  /**
   * Decodes the bytes of a recording. If it throws, the recording is left out. Default: a decoder for WAV, FLAC, MP3,
   * Ogg Vorbis and Opus.
   */
  readonly decode?: ((bytes: Uint8Array, path: string) => Audio | Promise<Audio>) | undefined
  /**
   * Returns the time in seconds from any origin, to measure speed and `maxHours`. Default: the clock of the process.
   */
  readonly clock?: (() => number) | undefined
  /** Returns the seconds since 1970, for the event files. Default: the system’s clock. */
  readonly now?: (() => number) | undefined
}

/** Options of `load` and `run`. */
export interface TrainerRunOptions {
  /** Stops `load` at once, and `run` after the current update, with a checkpoint. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called with the number of recordings read so far, then, if the config aligns recordings with pulses, with the
   * number aligned.
   */
  readonly onProgress?: Callback<LoadProgress> | undefined
}

const path = z.custom<PathLike>(value => typeof value === 'string' || value instanceof URL, 'expected a path')
const fields =
  (...names: readonly string[]) =>
  (value: unknown) =>
    typeof value === 'object' && value !== null && names.every(name => name in value)
const callable = <Callable>() => functionSchema<Callable>().optional()

const optionsSchema = z.strictObject({
  config: z.custom<TrainingConfigInput>(fields(), 'expected an object'),
  data: z.union(
    [path, z.array(path).min(1), z.custom<Dataset>(fields('training', 'validation', 'fingerprint'))],
    'expected folders of recordings, or a data set',
  ),
  out: path,
  mels: path.optional(),
  resume: z.boolean().optional(),
  finish: z.boolean().optional(),
  from: z.union([path, z.custom<ModelFiles>(fields('config', 'parameters'))], 'expected a model').optional(),
  maxSteps: z.number().int().min(0).optional(),
  maxHours: z.number().min(0).optional(),
  engine: z.enum(engineNames).optional(),
  threads: z.number().int().min(1).max(MAX_THREADS).optional(),
  events: z.boolean().optional(),
  preview: callable<Preview>().nullable(),
  createEngine: callable<NonNullable<TrainerOptions['createEngine']>>(),
  decode: callable<NonNullable<TrainerOptions['decode']>>(),
  clock: callable<() => number>(),
  now: callable<() => number>(),
} satisfies FieldsOf<TrainerOptions>)

const runSchema = z.strictObject({
  signal: abortSignal.optional(),
  onProgress: callback<LoadProgress>().optional(),
} satisfies FieldsOf<TrainerRunOptions>)

/** @throws DiffWaveError `BAD_DATA` if a model cannot be trained on a data set */
function checkDataset({ sampleRate, training }: Dataset, model: ModelConfig): void {
  if (sampleRate !== model.sampleRate) {
    throw new DiffWaveError('BAD_DATA', 'the data set and the model differ in sample rate', {
      expected: `${model.sampleRate} Hz`,
      got: `${sampleRate} Hz`,
      where: 'data',
      hint: 'Load it with the model’s sampleRate.',
    })
  }
  if (training.length === 0) throw new DiffWaveError('BAD_DATA', 'nothing to train on', { where: 'data' })
}

/**
 * Trains a model and writes it to the folder `out`: the checkpoint, `model/` (with averaged weights), `best/` (the
 * model with the lowest validation loss), `metrics.jsonl` and TensorBoard event files.
 *
 * @example
 * const trainer = new Trainer({ config, data: ['recordings'], out: 'runs/voice' })
 * for await (const { step, loss } of trainer.run({ signal })) plot(step, loss)
 * const vocoder = await Vocoder.load('runs/voice/model')
 */
export class Trainer {
  /** The config, with its defaults. */
  readonly config: TrainingConfig
  readonly #options: TrainerOptions
  readonly #out: string
  #data: LoadedData | null = null
  #loading: SharedWork<LoadedData, LoadProgress> | null = null
  #summary: TrainingSummary | null = null
  /** Whether the run in `out` is this trainer's. */
  #hasStarted = false

  /** @throws DiffWaveError `BAD_OPTION`, and `BAD_CONFIG` naming the field of the config */
  constructor(options: TrainerOptions) {
    this.#options = check(optionsSchema, options, 'Trainer options')
    this.#out = toPath(this.#options.out, 'out')
    this.config = checkTrainingConfig(this.#options.config, 'config')
    if (this.#options.mels !== undefined && this.config.model.mel === null) {
      throw new DiffWaveError('BAD_OPTION', 'the model of this config takes no mel', {
        where: 'mels',
        hint: 'Leave mels out, or train a vocoder.',
      })
    }
    if (this.#options.finish && this.config.optimiser.decaySteps === null) {
      throw new DiffWaveError('BAD_OPTION', 'the config does not say how a run is finished', {
        expected: 'optimiser.decaySteps',
        where: 'finish',
        hint: 'Resume the run: its learning rate comes down until totalSteps.',
      })
    }
  }

  /** How the last run ended; null until one has. */
  get summary(): TrainingSummary | null {
    return this.#summary
  }

  /**
   * Reads the recordings. `run` calls it, and further calls return the same data set. Calls that come while recordings
   * are read wait for the same data set, each with its own signal and progress. If the config's `pulses` are not
   * `free`, recordings of inverted polarity are inverted back.
   *
   * @returns the clips and a report of what was found and left out
   * @throws DiffWaveError as `loadDataset`; `BAD_OPTION` if `out` has a checkpoint of another trainer and the run is
   * not to be continued, or has none and the run is to be finished; `BAD_CONFIG` if that checkpoint has another config
   */
  async load(options: TrainerRunOptions = {}): Promise<Dataset> {
    return (await this.#loaded(options)).data
  }

  async #loaded(options: TrainerRunOptions): Promise<LoadedData> {
    const checked = check(runSchema, options, 'load options')
    if (this.#data !== null) return this.#data
    throwIfAborted(checked.signal)
    // After a failure, such as an abort, the next call tries again.
    if (!this.#loading?.isOpen) this.#loading = new SharedWork(following => this.#load(following))
    this.#data = await this.#loading.join(checked)
    return this.#data
  }

  async #load(options: TrainerRunOptions): Promise<LoadedData> {
    const { checkBeginning, refuseOtherConfig } = await import('./training/run/start.js')
    // Checked before the recordings are read, which may take minutes.
    await checkBeginning(this.#out, this.#options)
    await refuseOtherConfig(this.#out, this.config)
    const loaded = await this.#read(options)
    const { model, pulses } = this.config
    if (pulses === 'free') return loaded
    const { normalisePolarity } = await import('./training/data/polarity.js')
    return { ...loaded, data: await normalisePolarity(loaded.data, model, options) }
  }

  async #read({ signal, onProgress }: TrainerRunOptions): Promise<LoadedData> {
    const { data, mels, decode } = this.#options
    const { model, data: settings } = this.config
    if (typeof data === 'object' && 'fingerprint' in data) {
      checkDataset(data, model)
      return { data }
    }
    const { readDataset } = await import('./training/data/read-dataset.js')
    return readDataset({
      folders: data,
      sampleRate: model.sampleRate,
      minSamples: model.kind === 'vocoder' ? settings.cropSamples : MIN_GENERATOR_SAMPLES,
      validationShare: settings.validationShare,
      speeds: settings.speeds,
      mels: model.mel === null ? undefined : { convention: model.mel, folder: mels },
      decode,
      cache: recordingCachePath(this.#out),
      signal,
      onProgress,
    })
  }

  /**
   * Trains until the config's `totalSteps` or another limit is reached. If you leave the loop early or the signal
   * fires, the run ends with a checkpoint. To stop it from elsewhere, use the signal: `return()` waits for the
   * pending call of `next()`. A further call continues the run from its checkpoint.
   *
   * @returns a generator that yields each update. Its return value, which is also in `summary`, says how the run ended
   * @throws DiffWaveError `LOCKED` (another trainer works in `out`), `BAD_DATA` (no usable recording, an unknown label,
   * or other recordings than those of the checkpoint), `BAD_CONFIG` (another config than that of the checkpoint),
   * `DIVERGED`, `DISK_FULL`, `BAD_OPTION`, `ENGINE_UNAVAILABLE`, `ABORTED` (while the recordings were read)
   */
  async *run(options: TrainerRunOptions = {}): AsyncGenerator<TrainingStep, TrainingSummary, undefined> {
    const { signal, onProgress } = check(runSchema, options, 'run options')
    const { finish, maxSteps, maxHours, events = true } = this.#options
    const { clock = () => performance.now() / 1000, now = () => Date.now() / 1000 } = this.#options
    const from = await this.#startingModel(signal)
    const { data, cacheFiles } = await this.#loaded({ signal, onProgress })
    const preview = events ? await this.#preview() : null
    const { trainingSteps } = await import('./training/run/training-run.js')
    this.#summary = yield* trainingSteps({
      config: this.config,
      data,
      cacheFiles,
      out: this.#out,
      resume: this.#hasStarted || this.#options.resume,
      onStarted: () => {
        this.#hasStarted = true
      },
      finish,
      from,
      maxSteps,
      maxHours,
      signal,
      clock,
      events: events ? { now, preview } : undefined,
      createEngine: this.#options.createEngine ?? ((model, weights) => this.#createEngine(model, weights)),
    })
    return this.#summary
  }

  async #preview(): Promise<Preview | null> {
    const { preview } = this.#options
    return preview === undefined ? (await import('./training/preview.js')).previewClip : preview
  }

  async #startingModel(signal: AbortSignal | undefined): Promise<ModelFiles | undefined> {
    const { from } = this.#options
    if (from === undefined) return undefined
    if (typeof from === 'object' && 'parameters' in from) return from
    const source = isRemote(String(from)) ? String(from) : toPath(from, 'from')
    const start = await modelPath(source, { signal })
    const { refuseOwnModel } = await import('./training/run/start.js')
    await refuseOwnModel(this.#out, start)
    return readModel(start)
  }

  #createEngine(model: ModelConfig, weights: Tensors): Promise<Engine> {
    const { engine = this.config.engine, threads } = this.#options
    return createEngine(model.network, weights, { engine, ...(threads === undefined ? {} : { threads }) }, model.mel)
  }
}
