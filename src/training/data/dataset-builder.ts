/** Collects the clips of a data set from recordings as they are read. */
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { audioStem } from '../../audio/audio-files.js'
import { decodeAudio } from '../../audio/codecs/decode.js'
import type { Label } from '../../audio/labels.js'
import { DiffWaveError } from '../../core/errors.js'
import { portablePath } from '../../core/folder.js'
import { MAX_TRAINING_BYTES } from '../../core/limits.js'
import type { Clip, Dataset, DatasetReport } from './dataset.js'
import type { CheckedDatasetOptions } from './dataset-options.js'
import type { Found } from './find-recordings.js'
import { fingerprint, type UsedRecording } from './fingerprint.js'
import { exampleLeftOut, leftOutReasons } from './left-out-reasons.js'
import type { Fault, ReadRecording, RecordingRequest } from './recording.js'
import { codeStamp } from './recording-cache.js'
import { type SharedNames, sharedNames } from './shared-names.js'

/**
 * Share of half a recording's sample rate up to which frequencies count. Resampling filters remove what lies above.
 */
const USABLE_BAND = 0.97
/** Notes that the error for a data set without recordings repeats: they may say why there are none. */
const REPEATED_NOTES = 3

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

/** Adapts the classes of a recording to another speed. Their names are composed, as those of files may not be. */
function labelAtSpeed(label: Label, speed: number): Label {
  if (typeof label === 'string') return label.normalize('NFC')
  return label.map(part => ({ from: part.from / speed, label: part.label.normalize('NFC') }))
}

/** Collects the clips of a data set. */
export class DatasetBuilder {
  readonly #options: CheckedDatasetOptions
  readonly #shared: SharedNames
  readonly #training: Clip[] = []
  readonly #validation: Clip[] = []
  readonly #rates = new Map<number, number>()
  readonly #leftOut: DatasetReport['leftOut'][number][] = []
  readonly #used: UsedRecording[] = []
  readonly #cache: RecordingRequest['cache']
  #samples = 0
  #melBytes = 0
  #givenMels = 0

  constructor(options: CheckedDatasetOptions, files: readonly Found[]) {
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
    const kept = isValidation(name, validationShare) ? this.#validation : this.#training
    for (const { speed, samples } of clips) {
      this.#samples += samples.length
      const clip = {
        name: speed === 1 ? name : `${name} at ${speed}`,
        samples,
        label: labelAtSpeed(label, speed),
        limit: (Math.min(recording.sampleRate * speed, sampleRate) / 2) * USABLE_BAND,
        folder: dirname(path),
      }
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
      const example = exampleLeftOut(this.#leftOut)
      const hints = example === undefined ? [] : [`${example.file}: ${example.reason} (${example.detail}).`]
      if (notes.length > 0) hints.push(`Notes on the folders: ${notes.slice(0, REPEATED_NOTES).join('; ')}.`)
      throw new DiffWaveError('BAD_DATA', 'nothing to train on', {
        expected: 'WAV, FLAC, MP3 or Ogg files',
        got: `${files} ${files === 1 ? 'file' : 'files'}, ${this.#leftOut.length} left out${reasons}${kept}`,
        where: folders.join(', '),
        ...(hints.length === 0 ? {} : { hint: hints.join(' ') }),
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
    return {
      sampleRate,
      training: this.#training,
      validation: this.#validation,
      report,
      fingerprint: fingerprint(this.#options, this.#used),
    }
  }
}
