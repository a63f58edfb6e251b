/**
 * Reads folders of recordings as training data. Every file is decoded once, resampled to the model's rate and kept in
 * memory as 16-bit samples. A bad file is left out and named in the report. It never ends the run.
 */
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { audioStem } from '../../audio/audio-files.js'
import { decodeAudio } from '../../audio/codecs/decode.js'
import { type Label, partsOf } from '../../audio/labels.js'
import { type Mel, type MelConvention, melConventionSchema } from '../../audio/mel/convention.js'
import type { Callback } from '../../core/callback.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { listFolder, portablePath } from '../../core/folder.js'
import { MAX_SAMPLE_RATE, MAX_TRAINING_BYTES } from '../../core/limits.js'
import { abortSignal, callback, check, type FieldsOf } from '../../core/options.js'
import type { Progress } from '../../core/progress.js'
import { DataThreads } from './data-threads.js'
import { type Found, findRecordings } from './find-recordings.js'
import { leftOutReasons } from './left-out-reasons.js'
import {
  type Decode,
  type Fault,
  type LeftOutReason,
  prepareRecording,
  type ReadRecording,
  type RecordingRequest,
} from './recording.js'
import { codeStamp } from './recording-cache.js'

/** A recording at the data set's sample rate. */
export interface Clip {
  /** Path below its folder, with the speed if that is not 1. */
  readonly name: string
  /** 16-bit samples at the data set's sample rate. */
  readonly samples: Int16Array
  /**
   * The class of the recording: from `metadata.csv`, else the name of the innermost folder. Empty for files at the top
   * of a data folder.
   */
  readonly label: Label
  /**
   * Highest frequency in Hz that the recording contains: a little less than half its own sample rate, times its speed.
   * Default: half the data set's sample rate.
   */
  readonly limit?: number
  /**
   * The folder that contains the file. Recordings of one folder are assumed to be of one microphone. Default: unknown.
   */
  readonly folder?: string
  /** The mel to condition on, if it was predicted by a text-to-speech model rather than computed from the recording. */
  readonly mel?: Mel
}

/** A recording that is not used. */
export interface LeftOutRecording {
  /** Path of the file. */
  readonly file: string
  /** Why it is left out. */
  readonly reason: LeftOutReason
  /** The reason with its numbers, for people. */
  readonly detail: string
}

/** Report of what was found in the data folders. */
export interface DatasetReport {
  /** Number of clips, including those kept for validation. */
  readonly clips: number
  /** Total length of all clips in hours. */
  readonly hours: number
  /** Number of clips kept for validation. */
  readonly validationClips: number
  /** Number of clips with a predicted mel. */
  readonly givenMels: number
  /** Number of files by sample rate in Hz. */
  readonly rates: ReadonlyMap<number, number>
  /** Recordings that are not used. */
  readonly leftOut: readonly LeftOutRecording[]
  /**
   * Subfolders that cannot be read, files that were found more than once, and oddities of `metadata.csv`: lines without
   * a recording, and recordings that are named twice.
   */
  readonly notes: readonly string[]
}

/** Recordings to train on, in memory. */
export interface Dataset {
  /** Hz. */
  readonly sampleRate: number
  /** Clips for training. */
  readonly training: readonly Clip[]
  /** Clips kept for validation. */
  readonly validation: readonly Clip[]
  /** What was found and what was left out. */
  readonly report: DatasetReport
  /**
   * SHA-256 of the names, classes and contents of all files used, the sample rate and the split. It is the same on
   * every system.
   */
  readonly fingerprint: string
  /** The fingerprint that version 0.1.0 and earlier computed on this system, if it is another. */
  readonly formerFingerprint?: string
}

/** How far the loading of a data set has come. */
export interface LoadProgress extends Progress {
  /** The present stage. `aligning` comes last, and counts from 0 again. */
  readonly stage: 'reading' | 'resampling' | 'aligning'
}

/** Options that every stage of loading takes. */
export interface DatasetLoading {
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Called with the number of files that are done. */
  readonly onProgress?: Callback<LoadProgress> | undefined
}

/** Where predicted mels come from. */
export interface DatasetMels {
  /** Convention of the mels. */
  readonly convention: MelConvention
  /** Folder of the mels. Default: beside the recordings. */
  readonly folder?: string | undefined
}

/** Options of `loadDataset`. */
export interface DatasetOptions extends DatasetLoading {
  /** Folders of recordings. Subfolders are searched, too. A file that is found more than once is used once. */
  readonly folders: readonly string[]
  /** Sample rate in Hz. Recordings at other rates are resampled. */
  readonly sampleRate: number
  /** Recordings with fewer samples (at `sampleRate`) are left out. Default 1. */
  readonly minSamples?: number | undefined
  /** Share of the files kept for validation, 0 to 0.5. A hash of the name decides for each file. Default 0.03. */
  readonly validationShare?: number | undefined
  /** Speeds at which each training clip is played. Pitch and tempo change together. Default: 1 only. */
  readonly speeds?: readonly number[] | undefined
  /**
   * Predicted mels. If `folder` is given, every recording must have a mel in it. Otherwise `.npy` files beside the
   * recordings are used. Mels are matched by path. A clip with a predicted mel is played at its own speed only.
   */
  readonly mels?: DatasetMels | undefined
  /** Decodes a file's bytes. If it throws, the file is left out. Default: WAV, FLAC, MP3, Ogg Vorbis and Opus. */
  readonly decode?: Decode | undefined
  /**
   * Folder where resampled clips are kept for the next start. It is created if it does not exist. Resampling takes most
   * of the loading time. Remove it if you have changed what your own `decode` returns.
   */
  readonly cache?: string | undefined
}

/**
 * Share of half a recording's sample rate up to which frequencies count. Resampling filters remove what lies above.
 */
const USABLE_BAND = 0.97

/** Whether a file is kept for validation. A hash of the name decides, so that new files do not move others. */
export function isValidation(name: string, share: number): boolean {
  return (
    createHash('sha256')
      .update(basename(portablePath(name)))
      .digest()
      .readUInt32BE(0) <
    share * 2 ** 32
  )
}

/** Names that several recordings share, so that a mel of that name could belong to any of them. */
interface SharedNames {
  /** Paths without endings that occur in several data folders. */
  readonly stems: ReadonlySet<string>
  /** Last parts of paths, without endings, that several recordings have. */
  readonly bareNames: ReadonlySet<string>
}

function sharedNames(files: readonly { readonly folder: string; readonly name: string }[]): SharedNames {
  const repeated = (aliasOf: (stem: string) => string) => {
    const owners = new Map<string, string>()
    const shared = new Set<string>()
    for (const { folder, name } of files) {
      const stem = audioStem(name)
      const [alias, owner] = [aliasOf(stem), join(folder, stem)]
      if ((owners.get(alias) ?? owner) !== owner) shared.add(alias)
      owners.set(alias, owner)
    }
    return shared
  }
  return { stems: repeated(stem => stem), bareNames: repeated(stem => basename(stem)) }
}

/** Writes the classes of a recording as text. */
function labelText(label: Label): string {
  return partsOf(label)
    .map(part => (part.from === 0 ? part.label : `${part.from} ${part.label}`))
    .join('\n')
}

/** Adapts the classes of a recording to another speed. Their names are composed, as those of files may not be. */
function labelAtSpeed(label: Label, speed: number): Label {
  if (typeof label === 'string') return label.normalize('NFC')
  return label.map(part => ({ from: part.from / speed, label: part.label.normalize('NFC') }))
}

const optionsSchema = z.strictObject({
  folders: z.array(z.string().min(1)).min(1),
  sampleRate: z.number().int().min(1).max(MAX_SAMPLE_RATE),
  minSamples: z.number().int().min(1).default(1),
  validationShare: z.number().min(0).max(0.5).default(0.03),
  speeds: z.array(z.number().min(0.5).max(2)).min(1).default([1]),
  mels: z
    .strictObject({
      convention: z.custom<MelConvention>(isConvention, 'expected a mel convention'),
      folder: z.string().min(1).optional(),
    } satisfies FieldsOf<DatasetMels>)
    .optional(),
  decode: z.custom<Decode>(isFunction, 'expected a function').default(() => decodeAudio),
  cache: z.string().min(1).optional(),
  signal: abortSignal.optional(),
  onProgress: callback<LoadProgress>().optional(),
} satisfies FieldsOf<DatasetOptions>)

type CheckedOptions = z.output<typeof optionsSchema>

/**
 * Reads all recordings below the folders and resamples them to one sample rate. Recordings that cannot be used are left
 * out and named in the report, with the reason. Where folders overlap, each file is used once, as it is found first.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `BAD_DATA` (no usable recording, or an ambiguous
 * `metadata.csv`), `BAD_OPTION`, `TOO_LARGE`, `ABORTED`; `DISK_FULL`, `NOT_WRITABLE`, `NOT_A_FILE` (the cache cannot be
 * written)
 * @example
 * const { training, report } = await loadDataset({ folders: ['recordings'], sampleRate: 22050 })
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  return (await readDataset(options)).data
}

/** A data set, and the files of the cache that it needs. */
export interface ReadDataset {
  readonly data: Dataset
  /** Names of the cache's files. */
  readonly cacheFiles: ReadonlySet<string>
}

/** Reads recordings as `loadDataset` does, and also reports which files of the cache are needed. */
export async function readDataset(options: DatasetOptions): Promise<ReadDataset> {
  const checked = check(optionsSchema, options, 'loadDataset options')
  // Without the folder, every recording would be decoded and left out.
  if (checked.mels?.folder !== undefined) await listFolder(checked.mels.folder)
  const { files, notes } = await findRecordings(checked.folders, checked.signal)
  const builder = new DatasetBuilder(checked, files)
  const threads = new DataThreads(files.length, checked.signal)
  const { decode } = checked
  // A function cannot be sent to a thread.
  const recordings =
    decode === decodeAudio
      ? threads.map('prepareRecording', files, file => builder.requestOf(file))
      : readHere(files, file => prepareRecording(builder.requestOf(file), decode), checked.signal)
  const cacheFiles = new Set<string>()
  try {
    let done = 0
    for await (const { recording, cacheFiles: names } of recordings) {
      for (const name of names) cacheFiles.add(name)
      builder.add(files[done++]!, recording)
      const resampled = 'clips' in recording && recording.resampled
      await checked.onProgress?.({ stage: resampled ? 'resampling' : 'reading', done, total: files.length })
    }
  } finally {
    await threads.close()
  }
  return { data: builder.finish(files.length, notes), cacheFiles }
}

async function* readHere<Result>(
  files: readonly Found[],
  read: (file: Found) => Promise<Result>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Result, void, undefined> {
  for (const file of files) {
    throwIfAborted(signal)
    yield await read(file)
  }
}

/** A recording that is used. */
interface Used extends Found, Pick<ReadRecording, 'contents' | 'mel'> {}

/** Writes a recording's name and classes as this system has them. */
function asHere({ name, label }: Used): string {
  return `${name}\n${labelText(label)}\n`
}

/** Writes a recording's name and classes as every system does. */
function portable({ name, label }: Used): string {
  return `${portablePath(name)}\n${labelText(label).normalize('NFC')}\n`
}

/**
 * Computes a fingerprint.
 *
 * @param write writes a recording's name and classes
 */
function fingerprintOf(
  { sampleRate, minSamples, validationShare, speeds }: CheckedOptions,
  recordings: readonly Used[],
  write: (recording: Used) => string,
): string {
  const hash = createHash('sha256').update(`${sampleRate} ${minSamples} ${validationShare} ${speeds}\n`)
  for (const recording of recordings) {
    const { contents, mel } = recording
    hash.update(write(recording)).update(contents)
    if (mel !== null) hash.update(new Uint8Array(mel.data.buffer, mel.data.byteOffset, mel.data.byteLength))
  }
  return hash.digest('hex')
}

/**
 * Computes the fingerprint of earlier versions, which took names and their order as the system has them.
 *
 * @returns undefined if it is the present one
 */
function formerFingerprint(options: CheckedOptions, recordings: readonly Used[]): string | undefined {
  if (recordings.every(recording => asHere(recording) === portable(recording))) return undefined
  const place = new Map(options.folders.map((folder, i) => [folder, i]))
  const sorted = recordings.toSorted(
    (one, other) => place.get(one.folder)! - place.get(other.folder)! || (one.name < other.name ? -1 : 1),
  )
  return fingerprintOf(options, sorted, asHere)
}

/** Collects the clips of a data set. */
class DatasetBuilder {
  readonly #options: CheckedOptions
  readonly #shared: SharedNames
  readonly #training: Clip[] = []
  readonly #validation: Clip[] = []
  readonly #rates = new Map<number, number>()
  readonly #leftOut: DatasetReport['leftOut'][number][] = []
  readonly #used: Used[] = []
  readonly #cache: RecordingRequest['cache']
  #samples = 0
  #melBytes = 0
  #givenMels = 0

  constructor(options: CheckedOptions, files: readonly Found[]) {
    this.#options = options
    this.#shared = sharedNames(files)
    const { cache, decode } = options
    this.#cache = cache === undefined ? null : { folder: cache, stamp: codeStamp(decode !== decodeAudio) }
  }

  /** Makes the request to read a recording. */
  requestOf({ folder, name }: Found): RecordingRequest {
    const { sampleRate, minSamples, mels, validationShare, speeds } = this.#options
    const stem = audioStem(name)
    const { stems, bareNames } = this.#shared
    return {
      path: join(folder, name),
      sampleRate,
      minSamples,
      speeds: isValidation(name, validationShare) ? [1] : speeds,
      mel:
        mels === undefined
          ? null
          : {
              convention: mels.convention,
              folder: mels.folder ?? null,
              recordings: folder,
              stem,
              isShared: stems.has(stem),
              bareName: !bareNames.has(basename(stem)),
            },
      cache: this.#cache,
    }
  }

  /**
   * Adds a recording that was read, or notes why it is left out.
   *
   * @throws DiffWaveError `TOO_LARGE`
   */
  add({ folder, name, label }: Found, recording: ReadRecording | Fault): void {
    const { sampleRate, validationShare } = this.#options
    const path = join(folder, name)
    if ('reason' in recording) {
      this.#leftOut.push({ file: path, ...recording })
      return
    }
    const { contents, mel, clips } = recording
    this.#rates.set(recording.sampleRate, (this.#rates.get(recording.sampleRate) ?? 0) + 1)
    this.#used.push({ folder, name, label, contents, mel })
    if (mel !== null) {
      this.#givenMels++
      this.#melBytes += mel.data.byteLength
    }
    for (const { speed, samples } of clips) {
      this.#samples += samples.length
      const clip = {
        name: speed === 1 ? name : `${name} at ${speed}`,
        samples,
        label: labelAtSpeed(label, speed),
        limit: (Math.min(recording.sampleRate * speed, sampleRate) / 2) * USABLE_BAND,
        folder: dirname(path),
      }
      const kept = isValidation(name, validationShare) ? this.#validation : this.#training
      kept.push(mel === null ? clip : { ...clip, mel })
    }
    if (2 * this.#samples + this.#melBytes > MAX_TRAINING_BYTES) {
      throw new DiffWaveError('TOO_LARGE', 'the recordings do not fit in memory', {
        expected: `at most ${Math.floor(MAX_TRAINING_BYTES / 2 / sampleRate / 3600)} hours at ${sampleRate} Hz`,
      })
    }
  }

  /**
   * Makes the data set of all recordings that were added.
   *
   * @throws DiffWaveError `BAD_DATA` if there is nothing to train on
   */
  finish(files: number, notes: readonly string[]): Dataset {
    const { sampleRate, folders } = this.#options
    if (this.#training.length === 0) {
      const { length } = this.#validation
      const reasons = this.#leftOut.length === 0 ? '' : ` (${leftOutReasons(this.#leftOut)})`
      const kept = length === 0 ? '' : `, ${length} kept for validation`
      throw new DiffWaveError('BAD_DATA', 'nothing to train on', {
        expected: 'WAV, FLAC, MP3 or Ogg files',
        got: `${files} files, ${this.#leftOut.length} left out${reasons}${kept}`,
        where: folders.join(', '),
      })
    }
    const report = {
      clips: this.#training.length + this.#validation.length,
      hours: this.#samples / sampleRate / 3600,
      validationClips: this.#validation.length,
      givenMels: this.#givenMels,
      rates: this.#rates,
      leftOut: this.#leftOut,
      notes,
    }
    const former = formerFingerprint(this.#options, this.#used)
    return {
      sampleRate,
      training: this.#training,
      validation: this.#validation,
      report,
      fingerprint: fingerprintOf(this.#options, this.#used, portable),
      ...(former === undefined ? {} : { formerFingerprint: former }),
    }
  }
}

function isConvention(value: unknown): boolean {
  return melConventionSchema.safeParse(value).success
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
