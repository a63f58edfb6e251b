/**
 * Folders of recordings as training data: every file decoded once, brought to the model's rate and kept as 16-bit samples
 * in memory. A bad file is left out and named, never fatal.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { resample } from '../audio/resample.js'
import type { Audio } from '../audio/wav.js'
import { DiffWaveError, type ErrorCode, throwIfAborted } from '../errors.js'
import { fileError, kindOfPath, makeFolder, readFileBytes, writeFileBytes } from '../files.js'
import { MAX_TRAINING_BYTES } from '../limits.js'

export type LeftOutReason = 'too short' | 'silent' | 'clipped' | 'unreadable'

/** A recording at the data set's rate. */
export interface Clip {
  /** Path below its folder. */
  readonly name: string
  readonly samples: Int16Array
  /** Name of the class: `metadata.csv`'s second column, else the innermost folder's name; '' at the top of a folder. */
  readonly label: string
}

/** What was found, for people. */
export interface DatasetReport {
  readonly clips: number
  readonly hours: number
  readonly validationClips: number
  /** Files by sample rate in Hz. */
  readonly rates: ReadonlyMap<number, number>
  readonly leftOut: readonly { readonly file: string; readonly reason: LeftOutReason; readonly detail: string }[]
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
  /** Decodes a file's bytes. */
  readonly decode: (bytes: Uint8Array, path: string) => Audio | Promise<Audio>
  /** Folder where resampled clips are kept for the next start, made if need be; resampling takes most of the time of loading. */
  readonly cache?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

const AUDIO_FILE = /\.(wav|flac|mp3|ogg|oga|opus)$/i
/** A clip whose loudest sample is below −60 dB is silence. */
const SILENCE = 1e-3
/** A clip is clipped where this share of its samples lies within one 16-bit step of full scale. */
const CLIPPED_SHARE = 1e-3

async function audioFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true })
    return names.filter(name => AUDIO_FILE.test(name)).sort()
  } catch (error) {
    throw fileError(error, folder, 'read')
  }
}

/** Labels by file name without its ending, from `metadata.csv`: `name,label` or `name|label` a line. */
async function metadataLabels(folder: string): Promise<Map<string, string>> {
  const labels = new Map<string, string>()
  let text: string
  try {
    text = await readFile(join(folder, 'metadata.csv'), 'utf8')
  } catch {
    return labels
  }
  for (const line of text.split(/\r?\n/)) {
    const [name, label] = line.split(/[,|]/)
    if (name && label) labels.set(basename(name.trim()).replace(AUDIO_FILE, ''), label.trim())
  }
  return labels
}

/** Whether a file of this name is kept for validation: by a hash, so that adding files moves none. */
export function isValidation(name: string, share: number): boolean {
  return createHash('sha256').update(basename(name)).digest().readUInt32BE(0) < share * 2 ** 32
}

function fault(samples: Float32Array, minSamples: number): { reason: LeftOutReason; detail: string } | null {
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

/** What writing the cache can fail with: no fault of the recording. */
const cacheFailures: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'NOT_WRITABLE'])

/** 16-bit samples, ±1 at 32768. */
function quantised(samples: Float32Array): Int16Array {
  const out = new Int16Array(samples.length)
  // A loop: `Int16Array.from` takes twenty times as long, minutes for hours of audio.
  for (let i = 0; i < out.length; i++) out[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i]! * 32768)))
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
      return Float32Array.from({ length }, (_, i) => view.getInt16(2 * i, true) / 32768)
    }
  }
  const samples = await resample(audio.samples, audio.sampleRate, rate)
  const view = new DataView(new ArrayBuffer(2 * length))
  for (const [i, sample] of quantised(samples).entries()) view.setInt16(2 * i, sample, true)
  await makeFolder(cache)
  await writeFileBytes(path, new Uint8Array(view.buffer))
  return samples
}

/**
 * Reads all recordings below the folders.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `BAD_DATA` where no usable clip is found, `TOO_LARGE`, `ABORTED`
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { folders, sampleRate, minSamples, validationShare, speeds = [1], signal } = options
  const files: { folder: string; name: string; label: string }[] = []
  for (const folder of folders) {
    const labels = await metadataLabels(folder)
    for (const name of await audioFiles(folder)) {
      const above = dirname(name)
      const own = labels.get(basename(name).replace(AUDIO_FILE, ''))
      files.push({ folder, name, label: own ?? (above === '.' ? '' : basename(above)) })
    }
  }
  const training: Clip[] = []
  const validation: Clip[] = []
  const rates = new Map<number, number>()
  const leftOut: { file: string; reason: LeftOutReason; detail: string }[] = []
  const hash = createHash('sha256').update(`${sampleRate} ${minSamples} ${validationShare} ${speeds}\n`)
  let samplesKept = 0
  for (const [i, { folder, name, label }] of files.entries()) {
    throwIfAborted(signal)
    const path = join(folder, name)
    try {
      const bytes = await readFileBytes(path)
      const audio = await options.decode(bytes, path)
      const contents = createHash('sha256').update(bytes).digest()
      const key = contents.toString('hex')
      const samples = await atRate(audio, sampleRate, options.cache, key)
      const wrong = fault(samples, minSamples)
      if (wrong !== null) leftOut.push({ file: path, ...wrong })
      else {
        rates.set(audio.sampleRate, (rates.get(audio.sampleRate) ?? 0) + 1)
        hash.update(`${name}\n${label}\n`).update(contents)
        const validates = isValidation(name, validationShare)
        for (const speed of validates ? [1] : speeds) {
          const played = { samples: audio.samples, sampleRate: Math.round(audio.sampleRate * speed) }
          const heard = speed === 1 ? samples : await atRate(played, sampleRate, options.cache, key)
          if (heard.length < minSamples) continue
          samplesKept += heard.length
          const kept = { name: speed === 1 ? name : `${name} at ${speed}`, samples: quantised(heard), label }
          ;(validates ? validation : training).push(kept)
        }
      }
    } catch (error) {
      if (error instanceof DiffWaveError && cacheFailures.has(error.code)) throw error
      const detail = error instanceof Error ? error.message : String(error)
      leftOut.push({ file: path, reason: 'unreadable', detail })
    }
    if (2 * samplesKept > MAX_TRAINING_BYTES) {
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
    rates,
    leftOut,
  }
  return { sampleRate, training, validation, report, fingerprint: hash.digest('hex') }
}
