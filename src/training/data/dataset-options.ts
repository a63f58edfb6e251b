/** Options of `loadDataset`. */
import { z } from 'zod'
import { decodeAudio } from '../../audio/codecs/decode.js'
import { type MelConvention, melConventionSchema } from '../../audio/mel/convention.js'
import type { Callback } from '../../core/callback.js'
import { MAX_SAMPLE_RATE } from '../../core/limits.js'
import { abortSignal, callback, type FieldsOf, functionSchema } from '../../core/options.js'
import type { Progress } from '../../core/progress.js'
import type { Decode } from './recording.js'

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

function isConvention(value: unknown): boolean {
  return melConventionSchema.safeParse(value).success
}

/** Schema of `DatasetOptions`. */
export const datasetOptionsSchema = z.strictObject({
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
  decode: functionSchema<Decode>().default(() => decodeAudio),
  cache: z.string().min(1).optional(),
  signal: abortSignal.optional(),
  onProgress: callback<LoadProgress>().optional(),
} satisfies FieldsOf<DatasetOptions>)

/** The options with their defaults. */
export type CheckedDatasetOptions = z.output<typeof datasetOptionsSchema>
