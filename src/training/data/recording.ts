/**
 * Reads one recording of a data set: decodes it, resamples it to the data set's sample rate, checks it, and keeps it as
 * 16-bit samples. Requests and results are plain data, so that threads can do it (data-threads.ts).
 */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { Audio } from '../../audio/audio.js'
import { decodeAudio } from '../../audio/codecs/decode.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { sliceMel } from '../../audio/mel/frames.js'
import { melFrames } from '../../audio/mel/mel.js'
import { resample } from '../../audio/resample.js'
import { FULL_SCALE, peakOf, sampleScaleDoubt } from '../../audio/sample-scale.js'
import { DiffWaveError, faultIn } from '../../core/errors.js'
import { readFileBytes } from '../../core/read-file.js'
import { melEndings, readMelOf } from '../../formats/mel-file.js'
import { cacheFile, type KeptRecording, keep, readKept } from './recording-cache.js'

/** Why a recording was left out. */
export type LeftOutReason = 'too short' | 'silent' | 'clipped' | 'wrong scale' | 'unreadable' | 'no mel' | 'bad mel'

/** Why a recording is left out, with details. */
export interface Fault {
  readonly reason: LeftOutReason
  /** The reason with its numbers, for people. */
  readonly detail: string
}

/** Decodes a file's bytes. */
export type Decode = (bytes: Uint8Array, path: string) => Audio | Promise<Audio>

/** A request to read a recording. */
export interface RecordingRequest {
  /** Path of the file. */
  readonly path: string
  /** Sample rate of the data set in Hz. */
  readonly sampleRate: number
  /** Recordings with fewer samples (at `sampleRate`) are left out. */
  readonly minSamples: number
  /** Speeds at which the recording is played. With a predicted mel, it is played at its own speed only. */
  readonly speeds: readonly number[]
  /** Where to look for a predicted mel; null if none is used. */
  readonly mel: GivenMelPlace | null
  /** Folder of resampled recordings, and the stamp of the code that makes them (`codeStamp`); null if none are kept. */
  readonly cache: { readonly folder: string; readonly stamp: string } | null
}

/** Where the predicted mel of a recording may be. */
export interface GivenMelPlace {
  readonly convention: MelConvention
  /** The folder in which every recording must have a mel; null if mels may lie beside the recordings. */
  readonly folder: string | null
  /** Folder of the recordings. */
  readonly recordings: string
  /** The recording's path below that folder, without its ending. */
  readonly stem: string
  /** Whether another data folder has a recording of this path. */
  readonly isShared: boolean
  /** Whether the last part of the path is unique among all recordings, so that a mel may be named by it alone. */
  readonly bareName: boolean
}

/** A recording that was read. */
export interface ReadRecording {
  /** Original sample rate of the recording in Hz. */
  readonly sampleRate: number
  /** SHA-256 of the recording's file. */
  readonly contents: Uint8Array
  /** The predicted mel, if the recording has one. */
  readonly mel: Mel | null
  /** 16-bit samples at each speed. */
  readonly clips: readonly { readonly speed: number; readonly samples: Int16Array }[]
  /** Whether the recording was resampled in this call, which takes most of the time. */
  readonly resampled: boolean
}

/** Peak below which a clip is silent: −60 dB. */
const SILENCE = 1e-3
/** Share of samples at full scale above which a recording is clipped. */
const CLIPPED_SHARE = 1e-3

/** Result of reading a recording. */
export interface RecordingResult {
  readonly recording: ReadRecording | Fault
  /** Names of the cache's files that the recording needs, whether or not they exist. */
  readonly cacheFiles: readonly string[]
}

/** Error if the cache cannot be written. The recording is not to blame, so it must not be left out. */
class CacheFailure extends Error {}

/**
 * Reads a recording, or says why it is left out.
 *
 * @param decode decodes the file's bytes. Default: WAV, FLAC, MP3, Ogg Vorbis and Opus
 * @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `NOT_A_FILE` if the cache cannot be written
 */
export async function prepareRecording(
  request: RecordingRequest,
  decode: Decode = decodeAudio,
): Promise<RecordingResult> {
  const reader = new RecordingReader(request, decode)
  const { cacheFiles } = reader
  try {
    return { recording: await reader.read(), cacheFiles }
  } catch (error) {
    if (error instanceof CacheFailure) throw error.cause
    return { recording: { reason: 'unreadable', detail: faultIn(request.path, error) }, cacheFiles }
  }
}

/** Rounds samples to 16 bits. A sample of 1 becomes `unit`. */
export function quantised(samples: Float32Array, unit = 32768): Int16Array {
  const out = new Int16Array(samples.length)
  // `Int16Array.from` takes twenty times as long as this loop: minutes for hours of audio.
  for (let i = 0; i < out.length; i++) out[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i]! * unit)))
  return out
}

/** Converts 16-bit samples to audio. */
export function audioOf(samples: Int16Array): Float32Array {
  // `from` with a function takes ten times as long as this loop, and a run begins by preparing every clip.
  const audio = new Float32Array(samples.length)
  for (let i = 0; i < audio.length; i++) audio[i] = samples[i]! / 32768
  return audio
}

class RecordingReader {
  readonly #request: RecordingRequest
  readonly #decode: Decode
  #audio: Audio | null = null
  #resampled = false
  readonly cacheFiles: string[] = []

  constructor(request: RecordingRequest, decode: Decode) {
    this.#request = request
    this.#decode = decode
  }

  async read(): Promise<ReadRecording | Fault> {
    const { path, minSamples, speeds, mel: place } = this.#request
    const bytes = await readFileBytes(path)
    const contents = createHash('sha256').update(bytes).digest()
    const key = contents.toString('hex')
    const kept = await this.#kept(key, 1)
    // 16-bit samples of resampled audio would only show that it is clipped.
    const doubt = kept === null ? sampleScaleDoubt(peakOf((await this.#decoded(bytes)).samples)) : null
    if (doubt !== null) return { reason: 'wrong scale', detail: doubt }
    const { sampleRate, samples } = kept ?? (await this.#made(bytes, key, 1))
    const fault = faultOf(samples, minSamples)
    if (fault !== null) return fault
    const mel = place === null ? null : await givenMel(place, samples.length)
    if (mel !== null && 'reason' in mel) return mel
    const all: { readonly speed: number; readonly samples: Int16Array }[] = []
    for (const speed of mel === null ? speeds : [1]) {
      const played = speed === 1 ? samples : (await this.#kept(key, speed))?.samples
      all.push({ speed, samples: quantised16(played ?? (await this.#made(bytes, key, speed)).samples) })
    }
    const clips = all.filter(({ samples }) => samples.length >= minSamples)
    if (clips.length === 0) {
      const longest = all.reduce((one, other) => (one.samples.length >= other.samples.length ? one : other))
      return tooShort(`${longest.samples.length} samples at speed ${longest.speed}`, minSamples)
    }
    return { sampleRate, contents, mel, clips, resampled: this.#resampled }
  }

  async #decoded(bytes: Uint8Array): Promise<Audio> {
    this.#audio ??= await this.#decode(bytes, this.#request.path)
    return this.#audio
  }

  /** Decodes and resamples the recording at a speed. If it was resampled, its 16-bit samples are kept in the cache. */
  async #made(bytes: Uint8Array, key: string, speed: number) {
    const { sampleRate: rate, cache } = this.#request
    const { samples, sampleRate } = await this.#decoded(bytes)
    const played = Math.round(sampleRate * speed)
    if (played === rate) return { sampleRate, samples }
    this.#resampled = true
    const made = quantised((await resample({ samples, sampleRate: played }, rate)).samples)
    if (cache !== null) {
      const name = cacheFile(key, speed, rate, cache.stamp)
      await keep(cache.folder, name, { sampleRate, samples: made }).catch((error: unknown) => {
        throw new CacheFailure('', { cause: error })
      })
    }
    return { sampleRate, samples: made }
  }

  /** Reads the recording at a speed from the cache, if it was resampled before. */
  async #kept(contents: string, speed: number): Promise<KeptRecording | null> {
    const { cache, sampleRate } = this.#request
    if (cache === null) return null
    const name = cacheFile(contents, speed, sampleRate, cache.stamp)
    this.cacheFiles.push(name)
    return readKept(cache.folder, name)
  }
}

function quantised16(samples: Float32Array | Int16Array): Int16Array {
  return samples instanceof Int16Array ? samples : quantised(samples)
}

/** @param length the recording's number of samples, in words */
function tooShort(length: string, minSamples: number): Fault {
  return { reason: 'too short', detail: `${length}, ${minSamples} needed` }
}

/** Finds faults in the samples of a recording. They are audio, or 16-bit samples if it was resampled. */
function faultOf(numbers: Float32Array | Int16Array, minSamples: number): Fault | null {
  if (numbers.length < minSamples) return tooShort(`${numbers.length} samples`, minSamples)
  const samples = numbers instanceof Int16Array ? audioOf(numbers) : numbers
  let peak = 0
  let full = 0
  // A loop over the values would take several times as long as this loop over indices.
  for (let i = 0; i < samples.length; i++) {
    const size = Math.abs(samples[i]!)
    if (!Number.isFinite(size)) return { reason: 'unreadable', detail: 'a sample is not finite' }
    if (size > peak) peak = size
    if (size >= FULL_SCALE) full++
  }
  if (peak < SILENCE) return { reason: 'silent', detail: `peak ${peak.toExponential(1)}` }
  if (full > CLIPPED_SHARE * samples.length) return { reason: 'clipped', detail: `${full} samples at full scale` }
  return null
}

/** Reads the predicted mel of a recording, or says what is wrong with it. Null if there is none and none is needed. */
async function givenMel(place: GivenMelPlace, samples: number): Promise<Mel | Fault | null> {
  const { convention, folder, recordings, stem, isShared, bareName } = place
  if (folder !== null && isShared) return { reason: 'no mel', detail: `${stem} is in several data folders` }
  try {
    const endings = folder === null ? ['.npy'] : melEndings
    const mel = await readMelOf({ folder: folder ?? recordings, stem, samples, convention, endings, bareName })
    if (mel !== null) return sliceMel(mel, 0, melFrames(samples, convention))
    if (folder === null) return null
    const others = bareName ? '' : `; ${basename(stem)} alone could be that of several recordings`
    return { reason: 'no mel', detail: `no ${stem} in ${folder}${others}` }
  } catch (error) {
    if (!(error instanceof DiffWaveError)) throw error
    return { reason: 'bad mel', detail: error.message }
  }
}
