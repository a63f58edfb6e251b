/** A set of clips of one length, cut from recordings or generated. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { audioStem } from '../../audio/audio-files.js'
import { readAudio } from '../../audio/codecs/decode.js'
import { type Label, labelAt, labelledFiles } from '../../audio/labels.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError, faultIn, throwIfAborted } from '../../core/errors.js'
import type { LeftOut } from '../recordings.js'
import { clipPattern, isSilent, type Pattern, patternConvention, recordingPattern } from './clip-pattern.js'

/** A whole recording. */
export interface ClipAudio {
  /** Name in reports. */
  readonly name: string
  /** Mono, at the sample rate of the evaluation. */
  readonly samples: Float32Array
  /** The class; '' if there is none. */
  readonly label: Label
}

/** A clip: a part of a recording. */
export interface Clip {
  /** The recording's name, with the second at which the clip starts unless that is 0. */
  readonly name: string
  /** The class at its middle. */
  readonly label: string
  /** Pattern of the whole recording. */
  readonly pattern: Pattern
  /** First frame of the clip. */
  readonly first: number
}

/** Recordings up to this many times the length of a clip are one clip; longer ones are cut into several. */
const WHOLE = 1.5

export class ClipSet {
  readonly clips: Clip[] = []
  /** The clips' samples, in the same order; empty if they are not kept. */
  readonly audio: Float32Array[] = []
  readonly frames: number
  readonly sampleRate: number
  readonly #length: number
  readonly #overlap: number
  readonly #keepAudio: boolean
  readonly #hop: number

  /**
   * @param sampleRate in Hz
   * @param length of a clip, in samples
   * @param overlap clips of a long recording start length/overlap apart; 1: they do not overlap
   * @param keepAudio whether to keep the samples
   */
  constructor(sampleRate: number, length: number, overlap = 1, keepAudio = false) {
    this.sampleRate = sampleRate
    this.#length = length
    this.#overlap = overlap
    this.#keepAudio = keepAudio
    this.#hop = patternConvention(sampleRate).hop
    this.frames = Math.max(4, Math.round(length / this.#hop))
  }

  /** Seconds between a pattern's frames. */
  get frameSeconds(): number {
    return this.#hop / this.sampleRate
  }

  /** Cuts clips from a recording; silent ones are skipped unless `all`. */
  add({ name, samples, label: own }: ClipAudio, all = false): void {
    const pattern = recordingPattern(samples, this.sampleRate)
    const long = samples.length > WHOLE * this.#length
    const step = Math.max(1, Math.floor(this.frames / this.#overlap))
    const last = long ? Math.floor((samples.length - this.#length) / this.#hop) : 0
    for (let first = 0; first <= last; first += step) {
      if (!all && isSilent(pattern, first, this.frames)) continue
      const start = first * this.frameSeconds
      // Names of files and folders may be decomposed, and would not equal a model's labels.
      const label = labelAt(own, start + this.#length / this.sampleRate / 2).normalize('NFC')
      this.clips.push({ name: first === 0 ? name : `${name} at ${start.toFixed(2)} s`, label, pattern, first })
      if (this.#keepAudio) this.audio.push(samples.slice(first * this.#hop, first * this.#hop + this.#length))
    }
  }

  /** A clip's pattern from its first audible frame. */
  pattern({ pattern, first }: Clip): Pattern {
    return clipPattern(pattern, first, this.frames)
  }
}

/**
 * Reads the recordings of a folder into a set; those that cannot be read are added to `leftOut`.
 *
 * @throws DiffWaveError `BAD_DATA` if there is no clip, `FILE_NOT_FOUND`, `ABORTED`
 */
export async function readClips(
  folder: string,
  set: ClipSet,
  leftOut: LeftOut[],
  signal?: AbortSignal,
): Promise<ClipSet> {
  const before = leftOut.length
  for (const { name, label } of await labelledFiles(folder, { signal })) {
    throwIfAborted(signal)
    const path = join(folder, name)
    try {
      const { samples } = await resample(await readAudio(path), set.sampleRate, { signal })
      set.add({ name: audioStem(name), samples, label })
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof DiffWaveError)) throw error
      leftOut.push({ file: path, reason: faultIn(path, error) })
    }
    await setImmediate()
  }
  if (set.clips.length > 0) return set
  const own = leftOut[before]
  throw new DiffWaveError('BAD_DATA', 'the folder contains no usable clip', {
    where: folder,
    got: own === undefined ? 'no recordings, or only silence' : `${own.file}: ${own.reason}`,
  })
}

/** At most `max` of several items, at equal distances. */
export function spreadOver<Item>(items: readonly Item[], max: number): readonly Item[] {
  const stride = Math.max(1, Math.ceil(items.length / max))
  return items.filter((_, i) => i % stride === 0)
}
