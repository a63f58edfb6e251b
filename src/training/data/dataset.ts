/** A data set: recordings to train on, in memory. */
import type { Label } from '../../audio/labels.js'
import type { Mel } from '../../audio/mel/convention.js'
import type { LeftOutReason } from './recording.js'

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
}
