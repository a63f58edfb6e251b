/**
 * Evaluates vocoders by copy synthesis: one or more systems copy a folder of recordings, and each copy is compared with
 * its original.
 */
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import type { Audio } from '../../audio/audio.js'
import { readAudio } from '../../audio/codecs/decode.js'
import { type ConventionName, conventionOf, type Mel, type MelConvention } from '../../audio/mel/convention.js'
import { coveredSamples, melSpectrogram } from '../../audio/mel/mel.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError, faultIn, throwIfAborted } from '../../core/errors.js'
import { abortSignal, check, type FieldsOf, onProgress } from '../../core/options.js'
import type { OnProgress } from '../../core/progress.js'
import { orAborted } from '../../core/until-aborted.js'
import { type MelPlace, readMelOf } from '../../formats/mel-file.js'
import { type LeftOut, recordingsIn } from '../recordings.js'
import { COMPARED_RATE, type Measurements, MIN_SAMPLES, meanMeasurements } from './measures.js'
import type { System } from './system.js'

/** Options of `evaluateVocoder`. */
export interface VocoderEvaluationOptions {
  /** Folder of the original recordings, at any sample rate and in any format. Channels are averaged. */
  readonly reference: string
  /** Convention of the mels that the systems receive, or its name. */
  readonly convention: MelConvention | ConventionName
  /** Folder of mels, matched by name. Default: mels are computed from the recordings. */
  readonly mels?: string
  /** The systems to compare. */
  readonly systems: readonly System[]
  /** Max number of files to evaluate, in order of name. Default: all. */
  readonly limit?: number
  /** Number of files whose audio is kept in the result for a report. Default: 0. */
  readonly keepAudio?: number
  /** Returns the time in seconds from any origin, to measure the real-time factor. */
  readonly clock: () => number
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
  /** Called after each recording. The unit of its numbers is recordings. */
  readonly onProgress?: OnProgress
}

/** One recording and the systems' copies of it. */
export interface FileEvaluation {
  /** Path below the reference folder, without the ending. */
  readonly name: string
  /** Length of the recording in seconds. */
  readonly seconds: number
  /** Whether the mel was read from a file rather than computed. */
  readonly melGiven: boolean
  /** The measures, by the name of the system. */
  readonly measurements: ReadonlyMap<string, Measurements>
  /**
   * How many samples longer a copy is than its original, by the name of the system. Only copies of another length are
   * listed.
   */
  readonly lengthDifferences: ReadonlyMap<string, number>
  /**
   * Audio at `COMPARED_RATE`: the copies by the name of the system, and the recording under `original`. Empty if it was
   * not kept.
   */
  readonly audio: ReadonlyMap<string, Float32Array>
}

/** Result of `evaluateVocoder`. */
export interface VocoderEvaluation {
  /** Names of the systems. */
  readonly systems: readonly string[]
  /** One entry per recording. */
  readonly files: readonly FileEvaluation[]
  /** Means over the files, by the name of the system. */
  readonly overall: ReadonlyMap<string, Measurements>
  /** Files that could not be used. */
  readonly leftOut: readonly LeftOut[]
  /** Length of all recordings together in seconds. */
  readonly seconds: number
}

/** Key of the original recording in `FileEvaluation.audio`. */
export const ORIGINAL = 'original'

const isFunction = (value: unknown) => typeof value === 'function'

const optionsSchema = z.strictObject({
  reference: z.string().min(1),
  convention: z.custom<MelConvention | ConventionName>(),
  mels: z.string().min(1).optional(),
  systems: z.array(
    z.custom<System>(value => {
      const { name, make } = Object(value) as Partial<System>
      return typeof name === 'string' && isFunction(make)
    }, 'expected { name, timed, make }'),
  ),
  limit: z.number().int().min(1).optional(),
  keepAudio: z.number().int().min(0).optional(),
  clock: z.custom<() => number>(isFunction, 'expected a function that returns seconds'),
  signal: abortSignal.optional(),
  onProgress: onProgress.optional(),
} satisfies FieldsOf<VocoderEvaluationOptions>)

/**
 * Evaluates every recording that can be read; the others are listed in `leftOut`.
 *
 * @throws DiffWaveError `BAD_DATA` if no recording could be evaluated, or if two differ only in the ending;
 * `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `BAD_OPTION`, `BAD_CONFIG` (not a convention), `ABORTED`; and what a system
 * throws, unless the recording is the cause
 * @example
 * const { overall } = await evaluateVocoder({
 *   reference: 'held-out',
 *   convention: 'tacotron2',
 *   systems: [griffinLimSystem('tacotron2', 1)],
 *   clock: () => performance.now() / 1000,
 * })
 * console.log(overall.get('Griffin-Lim').logMel)
 */
export async function evaluateVocoder(options: VocoderEvaluationOptions): Promise<VocoderEvaluation> {
  check(optionsSchema, options, 'evaluateVocoder options')
  const convention = conventionOf(options.convention, 'evaluateVocoder convention')
  const { reference, systems, limit = Number.POSITIVE_INFINITY, keepAudio = 0, signal } = options
  const names = systems.map(system => system.name)
  if (names.length === 0 || new Set([ORIGINAL, ...names]).size !== names.length + 1) {
    throw new DiffWaveError('BAD_OPTION', 'the systems need different names', {
      expected: `one or more, other than ${ORIGINAL}`,
      got: names.join(', ') || 'none',
      where: 'evaluateVocoder systems',
    })
  }
  const found = [...(await recordingsIn(reference))]
  const recordings = found.slice(0, limit)
  const counts = new Map<string, number>()
  for (const [name] of found) counts.set(basename(name), (counts.get(basename(name)) ?? 0) + 1)
  const files: FileEvaluation[] = []
  const leftOut: LeftOut[] = []
  for (const [index, [name, path]] of recordings.entries()) {
    throwIfAborted(signal)
    try {
      // A mel at the top of the folder has only a bare name. It counts only if no other recording has that name.
      const bareName = counts.get(basename(name)) === 1
      files.push(
        await evaluateFile({ ...options, convention }, { name, path, index, keep: files.length < keepAudio, bareName }),
      )
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof DiffWaveError) || !faultsOfFiles.has(error.code)) throw error
      leftOut.push({ file: path, reason: faultIn(path, error) })
    }
    await orAborted(options.onProgress?.({ done: index + 1, total: recordings.length }), signal)
  }
  if (files.length === 0) {
    const { file, reason } = leftOut[0]!
    throw new DiffWaveError('BAD_DATA', `no recording could be evaluated: ${reason}`, {
      where: file,
    })
  }
  const overall = new Map(
    names.map(name => [name, meanMeasurements(files.map(file => file.measurements.get(name)!))] as const),
  )
  return { systems: names, files, overall, leftOut, seconds: files.reduce((sum, file) => sum + file.seconds, 0) }
}

/** Errors of one recording, its mel or its copy: the other recordings can still be evaluated. */
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
  'BAD_ZIP',
  'BAD_SAFETENSORS',
  'BAD_CHECKPOINT',
  'UNSAFE_PICKLE',
  'BAD_SHAPE',
  'BAD_MEL',
  'MEL_RANGE',
  'NOT_FINITE',
])

/** A recording to evaluate. */
interface EvaluatedFile {
  /** Path below its folder, without the ending. */
  readonly name: string
  readonly path: string
  /** Its place among the recordings. */
  readonly index: number
  /** Whether its audio and that of the copies are kept. */
  readonly keep: boolean
  /** Whether its mel may have only the last part of its name. */
  readonly bareName: boolean
}

async function evaluateFile(
  options: VocoderEvaluationOptions & { readonly convention: MelConvention },
  { name, path, index, keep, bareName }: EvaluatedFile,
): Promise<FileEvaluation> {
  const { convention, systems, signal, clock } = options
  const { compare } = await import('./compare.js')
  const audio = await readAudio(path)
  const original = await atRate(audio, COMPARED_RATE, signal)
  if (original.length < MIN_SAMPLES) throw tooShort(original.length, path)
  const own = await atRate(audio, convention.sampleRate, signal)
  const place = { stem: name, samples: own.length, convention, bareName }
  const given = options.mels === undefined ? null : await givenMel({ folder: options.mels, ...place })
  const mel = given ?? melSpectrogram({ samples: own, sampleRate: convention.sampleRate }, convention)
  const length = coveredSamples(own.length, mel, convention)

  const measurements = new Map<string, Measurements>()
  const lengthDifferences = new Map<string, number>()
  const kept = new Map<string, Float32Array>(keep ? [[ORIGINAL, original]] : [])
  for (const system of systems) {
    const start = clock()
    const copy = await system.make({ name, mel, length, index }, signal)
    const elapsed = clock() - start
    const made = await atRate(copy, COMPARED_RATE, signal)
    if (made.length < MIN_SAMPLES) throw tooShort(made.length, `${name} by ${system.name}`)
    measurements.set(system.name, {
      ...compare(original, made),
      realTimeFactor: system.timed ? elapsed / (copy.samples.length / copy.sampleRate) : null,
    })
    if (made.length !== original.length) lengthDifferences.set(system.name, made.length - original.length)
    if (keep) kept.set(system.name, made)
    // A comparison takes tenths of a second, so other work gets its turn between systems.
    await setImmediate()
  }
  const seconds = audio.samples.length / audio.sampleRate
  return { name, seconds, melGiven: given !== null, measurements, lengthDifferences, audio: kept }
}

async function atRate(audio: Audio, rate: number, signal: AbortSignal | undefined): Promise<Float32Array> {
  return (await resample(audio, rate, { signal })).samples
}

function tooShort(samples: number, where: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', 'the audio is too short to be evaluated', {
    expected: `at least ${MIN_SAMPLES} samples at ${COMPARED_RATE} Hz`,
    got: String(samples),
    where,
  })
}

async function givenMel(place: MelPlace): Promise<Mel> {
  const mel = await readMelOf(place)
  if (mel !== null) return mel
  throw new DiffWaveError('FILE_NOT_FOUND', `there is no mel of ${place.stem}`, { where: place.folder })
}
