/**
 * Folders of recordings as training data: every file decoded once, brought to the model's rate and kept as 16-bit samples
 * in memory. A bad file is left out and named, never fatal.
 */
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Audio } from '../../audio/audio.js'
import { audioStem } from '../../audio/audio-files.js'
import { type Label, labelledFiles, partsOf } from '../../audio/labels.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { melFrames } from '../../audio/mel/mel.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError, type ErrorCode, throwIfAborted } from '../../core/errors.js'
import { kindOfPath, makeFolder, readFileBytes, writeFileBytes } from '../../core/files.js'
import { MAX_TRAINING_BYTES } from '../../core/limits.js'
import type { OnProgress } from '../../core/progress.js'
import { melEndings, readMelOf } from '../../formats/mel-file.js'

export type LeftOutReason = 'too short' | 'silent' | 'clipped' | 'unreadable' | 'no mel' | 'bad mel'

/** A recording at the data set's rate. */
export interface Clip {
  /** Path below its folder. */
  readonly name: string
  readonly samples: Int16Array
  /** Name of the class: `metadata.csv`'s second column, else the innermost folder's name; '' at the top of a folder. */
  readonly label: Label
  /** What it is to be made from, where that is not its own mel: one that a text-to-speech model predicted for it, as long as itself. */
  readonly mel?: Mel
}

/** What was found, for people. */
export interface DatasetReport {
  readonly clips: number
  readonly hours: number
  readonly validationClips: number
  /** Clips that came with a mel. */
  readonly givenMels: number
  /** Files by sample rate in Hz. */
  readonly rates: ReadonlyMap<number, number>
  readonly leftOut: readonly { readonly file: string; readonly reason: LeftOutReason; readonly detail: string }[]
  /** What is odd about the folders' `metadata.csv`. */
  readonly notes: readonly string[]
}

export interface Dataset {
  readonly sampleRate: number
  readonly training: readonly Clip[]
  readonly validation: readonly Clip[]
  readonly report: DatasetReport
  /** SHA-256 over names and contents of all files used, the rate and the split. */
  readonly fingerprint: string
}

export interface DatasetOptions {
  readonly folders: readonly string[]
  readonly sampleRate: number
  /** Shorter clips are left out, in samples at `sampleRate`. */
  readonly minSamples: number
  readonly validationShare: number
  /** Speeds at which each training clip is had, pitch and tempo together; 1 alone where not given. */
  readonly speeds?: readonly number[]
  /**
   * Given mels are looked for: in `folder`, where every recording must have one, else as a `.npy` beside a recording. A clip with one
   * is had at no other speed.
   */
  readonly mels?: { readonly convention: MelConvention; readonly folder?: string }
  /** Decodes a file's bytes. */
  readonly decode: (bytes: Uint8Array, path: string) => Audio | Promise<Audio>
  /** Folder where resampled clips are kept for the next start, made if need be; resampling takes most of the time of loading. */
  readonly cache?: string
  readonly signal?: AbortSignal
  /** Files read. */
  readonly onProgress?: OnProgress
}

/** A clip whose loudest sample is below −60 dB is silence. */
const SILENCE = 1e-3
/** A clip is clipped where this share of its samples lies within one 16-bit step of full scale. */
const CLIPPED_SHARE = 1e-3

/** Whether a file of this name is kept for validation: by a hash, so that adding files moves none. */
export function isValidation(name: string, share: number): boolean {
  return createHash('sha256').update(basename(name)).digest().readUInt32BE(0) < share * 2 ** 32
}

/** Why a recording is left out. */
interface Fault {
  readonly reason: LeftOutReason
  readonly detail: string
}

function fault(samples: Float32Array, minSamples: number): Fault | null {
  if (samples.length < minSamples) {
    return { reason: 'too short', detail: `${samples.length} samples, ${minSamples} needed` }
  }
  let peak = 0
  let full = 0
  for (const sample of samples) {
    if (!Number.isFinite(sample)) return { reason: 'unreadable', detail: 'a sample is not finite' }
    const size = Math.abs(sample)
    if (size > peak) peak = size
    if (size >= 32767 / 32768) full++
  }
  if (peak < SILENCE) return { reason: 'silent', detail: `peak ${peak.toExponential(1)}` }
  if (full > CLIPPED_SHARE * samples.length) return { reason: 'clipped', detail: `${full} samples at full scale` }
  return null
}

/** A mel of so many frames: those past its end are its last one's. */
function held({ data, bands, frames: present }: Mel, frames: number): Mel {
  const out = new Float32Array(bands * frames)
  for (let i = 0; i < out.length; i++) {
    out[i] = data[Math.floor(i / frames) * present + Math.min(present - 1, i % frames)]!
  }
  return { data: out, bands, frames }
}

/** The mel that belongs to a recording, or what is wrong with it; null where it has none and needs none. */
async function givenMel(
  mels: DatasetOptions['mels'],
  folder: string,
  stem: string,
  shared: SharedNames,
  samples: number,
): Promise<Mel | Fault | null> {
  if (mels === undefined) return null
  const own = mels.folder === undefined
  if (!own && shared.stems.has(stem)) return { reason: 'no mel', detail: `${stem} is in several data folders` }
  const bareName = !shared.bareNames.has(basename(stem))
  try {
    const endings = own ? ['.npy'] : melEndings
    const mel = await readMelOf(mels.folder ?? folder, stem, samples, mels.convention, { endings, bareName })
    if (mel !== null) return held(mel, melFrames(samples, mels.convention))
    if (own) return null
    const others = bareName ? '' : `; ${basename(stem)} alone could be that of several recordings`
    return { reason: 'no mel', detail: `no ${stem} in ${mels.folder}${others}` }
  } catch (error) {
    if (!(error instanceof DiffWaveError)) throw error
    return { reason: 'bad mel', detail: error.message }
  }
}

/** Names by which a mel could be that of several recordings. */
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

/** What writing the cache can fail with: no fault of the recording. */
const cacheFailures: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'NOT_WRITABLE'])

/** 16-bit samples, 1 at `unit`. */
export function quantised(samples: Float32Array, unit = 32768): Int16Array {
  const out = new Int16Array(samples.length)
  // A loop: `Int16Array.from` takes twenty times as long, minutes for hours of audio.
  for (let i = 0; i < out.length; i++) out[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i]! * unit)))
  return out
}

/** Audio at another rate, by way of the cache; with or without it the 16-bit samples are the same. */
async function atRate(audio: Audio, rate: number, cache: string | undefined, key: string): Promise<Float32Array> {
  if (audio.sampleRate === rate) return audio.samples
  if (cache === undefined) return resample(audio.samples, audio.sampleRate, rate)
  const path = join(cache, `${key}-${audio.sampleRate}-${rate}.pcm`)
  const length = Math.round((audio.samples.length * rate) / audio.sampleRate)
  if ((await kindOfPath(path)) === 'file') {
    const bytes = await readFileBytes(path)
    if (bytes.length === 2 * length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const samples = new Float32Array(length)
      for (let i = 0; i < length; i++) samples[i] = view.getInt16(2 * i, true) / 32768
      return samples
    }
  }
  const samples = await resample(audio.samples, audio.sampleRate, rate)
  const view = new DataView(new ArrayBuffer(2 * length))
  for (const [i, sample] of quantised(samples).entries()) view.setInt16(2 * i, sample, true)
  await makeFolder(cache)
  await writeFileBytes(path, new Uint8Array(view.buffer))
  return samples
}

/** A recording's classes as text. */
function written(label: Label): string {
  return partsOf(label)
    .map(part => (part.from === 0 ? part.label : `${part.from} ${part.label}`))
    .join('\n')
}

/** The classes of a recording played at another speed. */
function faster(label: Label, speed: number): Label {
  return typeof label === 'string' ? label : label.map(part => ({ ...part, from: part.from / speed }))
}

/**
 * Reads all recordings below the folders.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `BAD_DATA` where no usable clip is found, `TOO_LARGE`, `ABORTED`
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { folders, sampleRate, minSamples, validationShare, speeds = [1], signal } = options
  const notes: string[] = []
  const files: { folder: string; name: string; label: Label }[] = []
  for (const folder of folders) {
    for (const file of await labelledFiles(folder, { signal, onNote: note => notes.push(note) })) {
      files.push({ folder, ...file })
    }
  }
  const shared = sharedNames(files)
  const training: Clip[] = []
  const validation: Clip[] = []
  const rates = new Map<number, number>()
  const leftOut: { file: string; reason: LeftOutReason; detail: string }[] = []
  const hash = createHash('sha256').update(`${sampleRate} ${minSamples} ${validationShare} ${speeds}\n`)
  let samplesKept = 0
  let melBytes = 0
  let givenMels = 0
  for (const [i, { folder, name, label }] of files.entries()) {
    throwIfAborted(signal)
    const path = join(folder, name)
    try {
      const bytes = await readFileBytes(path)
      const audio = await options.decode(bytes, path)
      const contents = createHash('sha256').update(bytes).digest()
      const key = contents.toString('hex')
      const samples = await atRate(audio, sampleRate, options.cache, key)
      const mel =
        fault(samples, minSamples) ?? (await givenMel(options.mels, folder, audioStem(name), shared, samples.length))
      if (mel !== null && 'reason' in mel) leftOut.push({ file: path, ...mel })
      else {
        rates.set(audio.sampleRate, (rates.get(audio.sampleRate) ?? 0) + 1)
        hash.update(`${name}\n${written(label)}\n`).update(contents)
        if (mel !== null) {
          givenMels++
          melBytes += mel.data.byteLength
          hash.update(new Uint8Array(mel.data.buffer, mel.data.byteOffset, mel.data.byteLength))
        }
        const validates = isValidation(name, validationShare)
        for (const speed of validates || mel !== null ? [1] : speeds) {
          const played = { samples: audio.samples, sampleRate: Math.round(audio.sampleRate * speed) }
          const heard = speed === 1 ? samples : await atRate(played, sampleRate, options.cache, key)
          if (heard.length < minSamples) continue
          samplesKept += heard.length
          const kept = {
            name: speed === 1 ? name : `${name} at ${speed}`,
            samples: quantised(heard),
            label: faster(label, speed),
          }
          ;(validates ? validation : training).push(mel === null ? kept : { ...kept, mel })
        }
      }
    } catch (error) {
      if (error instanceof DiffWaveError && cacheFailures.has(error.code)) throw error
      const detail = error instanceof Error ? error.message : String(error)
      leftOut.push({ file: path, reason: 'unreadable', detail })
    }
    if (2 * samplesKept + melBytes > MAX_TRAINING_BYTES) {
      throw new DiffWaveError('TOO_LARGE', 'the recordings do not fit in memory', {
        expected: `at most ${Math.floor(MAX_TRAINING_BYTES / 2 / sampleRate / 3600)} hours at ${sampleRate} Hz`,
      })
    }
    options.onProgress?.({ done: i + 1, total: files.length })
  }
  if (training.length === 0) {
    throw new DiffWaveError('BAD_DATA', 'there is nothing to train on', {
      expected: 'WAV, FLAC, MP3 or Ogg files',
      got: `${files.length} files, ${leftOut.length} left out${leftOut[0] ? `, the first as ${leftOut[0].reason}` : ''}`,
      where: folders.join(', '),
    })
  }
  const report = {
    clips: training.length + validation.length,
    hours: samplesKept / sampleRate / 3600,
    validationClips: validation.length,
    givenMels,
    rates,
    leftOut,
    notes,
  }
  return { sampleRate, training, validation, report, fingerprint: hash.digest('hex') }
}
