/** Copy-synthesis of a folder of recordings by one or more systems, each copy measured beside its original. */
import { setImmediate } from 'node:timers/promises'
import type { Audio } from '../../audio/audio.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { OnProgress } from '../../core/progress.js'
import { readMelOf } from '../../formats/mel-file.js'
import { type LeftOut, readRecording, recordingsIn } from '../recordings.js'
import { COMPARED_RATE, compare, FEWEST_SAMPLES, type Measurements, meanMeasurements } from './compare.js'
import type { System } from './system.js'

export interface VocoderEvaluationOptions {
  /** Folder of originals: any rate and format; several channels are mixed to one. */
  readonly reference: string
  /** Of the mels that systems are given. */
  readonly convention: MelConvention
  /** Folder of mels that take the place of computed ones, matched by name. */
  readonly mels?: string
  readonly systems: readonly System[]
  /** Files measured, the first in order of name; default: all. */
  readonly limit?: number
  /** Files whose audio is kept in the result, for a report; default: none. */
  readonly keepAudio?: number
  /** Seconds, from any origin. */
  readonly clock: () => number
  readonly signal?: AbortSignal
  /** Recordings measured. */
  readonly onProgress?: OnProgress
}

/** One recording, and what each system made of it. */
export interface FileEvaluation {
  readonly name: string
  readonly seconds: number
  /** The mel was read from a file, not computed. */
  readonly melGiven: boolean
  /** By system. */
  readonly measurements: ReadonlyMap<string, Measurements>
  /** Samples a system's copy is longer than the original (shorter: negative), where it is not as long. */
  readonly lengthDifferences: ReadonlyMap<string, number>
  /** At `COMPARED_RATE`; the original's key is `original`. Empty where it was not kept. */
  readonly audio: ReadonlyMap<string, Float32Array>
}

export interface VocoderEvaluation {
  readonly systems: readonly string[]
  readonly files: readonly FileEvaluation[]
  /** Means over files, by system. */
  readonly overall: ReadonlyMap<string, Measurements>
  readonly leftOut: readonly LeftOut[]
  readonly seconds: number
}

/** The key of the original among `FileEvaluation.audio`. */
export const ORIGINAL = 'original'

/**
 * Measures every recording that can be; those that cannot are named in `leftOut`.
 *
 * @throws DiffWaveError `BAD_DATA` where no recording could be measured, `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `BAD_OPTION`, `ABORTED`;
 * and what a system throws, unless it lies in the recording
 */
export async function evaluateVocoder(options: VocoderEvaluationOptions): Promise<VocoderEvaluation> {
  const { reference, systems, limit = Number.POSITIVE_INFINITY, keepAudio = 0, signal } = options
  const names = systems.map(system => system.name)
  if (names.length === 0 || new Set([ORIGINAL, ...names]).size !== names.length + 1) {
    throw new DiffWaveError('BAD_OPTION', 'systems need names of their own', { got: names.join(', ') || 'none' })
  }
  const recordings = [...(await recordingsIn(reference))].slice(0, limit)
  const files: FileEvaluation[] = []
  const leftOut: LeftOut[] = []
  for (const [index, [name, path]] of recordings.entries()) {
    throwIfAborted(signal)
    try {
      files.push(await evaluateFile(options, name, path, index, files.length < keepAudio))
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof DiffWaveError) || !faultsOfFiles.has(error.code)) throw error
      leftOut.push({ file: path, reason: error.message })
    }
    options.onProgress?.({ done: index + 1, total: recordings.length })
  }
  if (files.length === 0) {
    throw new DiffWaveError('BAD_DATA', 'no recording could be measured', {
      where: reference,
      got: leftOut[0]!.reason,
    })
  }
  const overall = new Map(
    names.map(name => [name, meanMeasurements(files.map(file => file.measurements.get(name)!))] as const),
  )
  return { systems: names, files, overall, leftOut, seconds: files.reduce((sum, file) => sum + file.seconds, 0) }
}

/** What lies in one recording, its mel or its copy, so that the others can still be measured. */
const faultsOfFiles: ReadonlySet<string> = new Set([
  'FILE_NOT_FOUND',
  'NOT_A_FILE',
  'NOT_READABLE',
  'UNSUPPORTED_FORMAT',
  'TRUNCATED',
  'TOO_LARGE',
  'BAD_WAV',
  'BAD_AUDIO',
  'BAD_NPY',
  'BAD_MEL',
  'MEL_RANGE',
  'NOT_FINITE',
])

async function evaluateFile(
  options: VocoderEvaluationOptions,
  name: string,
  path: string,
  index: number,
  keep: boolean,
): Promise<FileEvaluation> {
  const { convention, systems, signal, clock } = options
  const audio = await readRecording(path)
  const original = await atRate(audio, COMPARED_RATE)
  if (original.length < FEWEST_SAMPLES) throw tooShort(original.length, path)
  const own = await atRate(audio, convention.sampleRate)
  const given = options.mels === undefined ? null : await givenMel(options.mels, name, own.length, convention)
  const mel = given ?? melSpectrogram({ samples: own, sampleRate: convention.sampleRate }, convention)
  const length = Math.min(own.length, mel.frames * convention.hop)

  const measurements = new Map<string, Measurements>()
  const lengthDifferences = new Map<string, number>()
  const kept = new Map<string, Float32Array>(keep ? [[ORIGINAL, original]] : [])
  for (const system of systems) {
    const start = clock()
    const copy = await system.make({ name, mel, length, index }, signal)
    const elapsed = clock() - start
    const made = await atRate(copy, COMPARED_RATE)
    if (made.length < FEWEST_SAMPLES) throw tooShort(made.length, `${name} of ${system.name}`)
    measurements.set(system.name, {
      ...compare(original, made),
      realTimeFactor: system.timed ? elapsed / (copy.samples.length / copy.sampleRate) : null,
    })
    if (made.length !== original.length) lengthDifferences.set(system.name, made.length - original.length)
    if (keep) kept.set(system.name, made)
    // Measuring takes tenths of a second; others get their turn between systems.
    await setImmediate()
  }
  const seconds = audio.samples.length / audio.sampleRate
  return { name, seconds, melGiven: given !== null, measurements, lengthDifferences, audio: kept }
}

async function atRate({ samples, sampleRate }: Audio, rate: number): Promise<Float32Array> {
  return sampleRate === rate ? samples : resample(samples, sampleRate, rate)
}

function tooShort(samples: number, where: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', 'the audio is too short to be measured', {
    expected: `at least ${FEWEST_SAMPLES} samples at ${COMPARED_RATE} Hz`,
    got: String(samples),
    where,
  })
}

async function givenMel(folder: string, name: string, samples: number, convention: MelConvention): Promise<Mel> {
  const mel = await readMelOf(folder, name, samples, convention)
  if (mel !== null) return mel
  throw new DiffWaveError('FILE_NOT_FOUND', 'there is no mel of this recording', { got: name, where: folder })
}
