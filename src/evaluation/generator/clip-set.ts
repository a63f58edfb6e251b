/** A set of clips of one length: what is cut from recordings, or was generated. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { audioStem, type Label, labelAt, labelledFiles } from '../../audio/audio-files.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { type LeftOut, readRecording } from '../recordings.js'
import { clipPattern, isSilent, type Pattern, patternConvention, recordingPattern } from './clip-pattern.js'

/** A whole recording. */
export interface ClipAudio {
  readonly name: string
  readonly samples: Float32Array
  /** The class; '' where there is none. */
  readonly label: Label
}

/** A clip: a stretch of a recording. */
export interface Clip {
  /** The recording's, with the second it starts at where it is not the first. */
  readonly name: string
  /** The class at its middle. */
  readonly label: string
  /** Of the recording. */
  readonly pattern: Pattern
  /** First frame of the clip. */
  readonly first: number
}

/** Recordings up to this many times a clip's length are one clip; longer ones are cut into several. */
const WHOLE = 1.5

export class ClipSet {
  readonly clips: Clip[] = []
  /** Their samples, in the same order; empty where they are not kept. */
  readonly audio: Float32Array[] = []
  readonly frames: number
  readonly #hop: number

  /**
   * @param sampleRate Hz
   * @param length of a clip, samples
   * @param overlap how often a clip's length holds the distance of two starts in a long recording; 1: clips do not overlap
   * @param keepAudio whether samples are kept
   */
  constructor(
    readonly sampleRate: number,
    private readonly length: number,
    private readonly overlap = 1,
    private readonly keepAudio = false,
  ) {
    this.#hop = patternConvention(sampleRate).hop
    this.frames = Math.max(4, Math.round(length / this.#hop))
  }

  /** Seconds between a pattern's frames. */
  get frameSeconds(): number {
    return this.#hop / this.sampleRate
  }

  /** Cuts clips from a recording; silent ones are not taken, unless `all`. */
  add({ name, samples, label: own }: ClipAudio, all = false): void {
    const pattern = recordingPattern(samples, this.sampleRate)
    const long = samples.length > WHOLE * this.length
    const step = Math.max(1, Math.floor(this.frames / this.overlap))
    const last = long ? Math.floor((samples.length - this.length) / this.#hop) : 0
    for (let first = 0; first <= last; first += step) {
      if (!all && isSilent(pattern, first, this.frames)) continue
      const start = first * this.frameSeconds
      const label = labelAt(own, start + this.length / this.sampleRate / 2)
      this.clips.push({ name: first === 0 ? name : `${name} at ${start.toFixed(2)} s`, label, pattern, first })
      if (this.keepAudio) this.audio.push(samples.slice(first * this.#hop, first * this.#hop + this.length))
    }
  }

  /** A clip's pattern, aligned to where it begins to sound. */
  pattern({ pattern, first }: Clip): Pattern {
    return clipPattern(pattern, first, this.frames)
  }
}

/**
 * Reads the recordings of a folder into a set; those that cannot be read are added to `leftOut`.
 *
 * @throws DiffWaveError `BAD_DATA` where nothing is left, `FILE_NOT_FOUND`, `ABORTED`
 */
export async function readClips(
  folder: string,
  set: ClipSet,
  leftOut: LeftOut[],
  options: { readonly all?: boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<ClipSet> {
  for (const { name, label } of await labelledFiles(folder)) {
    throwIfAborted(options.signal)
    const path = join(folder, name)
    try {
      const audio = await readRecording(path)
      const samples =
        audio.sampleRate === set.sampleRate
          ? audio.samples
          : await resample(audio.samples, audio.sampleRate, set.sampleRate)
      set.add({ name: audioStem(name), samples, label }, options.all)
    } catch (error) {
      if (!(error instanceof DiffWaveError)) throw error
      leftOut.push({ file: path, reason: error.message })
    }
    await setImmediate()
  }
  if (set.clips.length > 0) return set
  throw new DiffWaveError('BAD_DATA', 'the folder holds no clip that can be used', {
    where: folder,
    got: leftOut.length > 0 ? leftOut.at(-1)!.reason : 'no recordings, or silence only',
  })
}
