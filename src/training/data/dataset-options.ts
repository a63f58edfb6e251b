/** Options of `loadDataset`. */
import { z } from 'zod'
import { decodeAudio } from '../../audio/codecs/decode.js'
import {
  type ConventionName,
  conventionNameSchema,
  type MelConvention,
  melConventionSchema,
} from '../../audio/mel/convention.js'
import type { Callback } from '../../core/callback.js'
import { MAX_SAMPLE_RATE } from '../../core/limits.js'
import { abortSignal, callback, type FieldsOf, functionSchema, readonlyList } from '../../core/options.js'
import { type PathLike, toPath } from '../../core/path.js'
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
  /** Convention of the mels, or its name. */
  readonly convention: MelConvention | ConventionName
  /** Folder of the mels. Default: beside the recordings. */
  readonly folder?: PathLike | undefined
}

/** Options of `loadDataset`. */
export interface DatasetOptions extends DatasetLoading {
  /** A folder of recordings, or several. Subfolders are searched, too. A file that is found twice is used once. */
  readonly folders: PathLike | readonly PathLike[]
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
  readonly cache?: PathLike | undefined
}

function isConvention(value: unknown): boolean {
  return melConventionSchema.safeParse(value).success
}

/** Schema of a path, which becomes text. @param where names the option in errors */
const pathSchema = (where: string) =>
  z
    .custom<PathLike>(value => typeof value === 'string' || value instanceof URL, 'expected a path')
    .transform(path => toPath(path, where))
const folder = pathSchema('loadDataset folders')

/** Schema of `DatasetOptions`. */
export const datasetOptionsSchema = z.strictObject({
  folders: z.union([folder.transform(path => [path]), readonlyList(folder)], 'expected folders of recordings'),
  sampleRate: z.number().int().min(1).max(MAX_SAMPLE_RATE),
  minSamples: z.number().int().min(1).default(1),
  validationShare: z.number().min(0).max(0.5).default(0.03),
  speeds: z.array(z.number().min(0.5).max(2)).min(1).default([1]),
  mels: z
    .strictObject({
      convention: z.union([conventionNameSchema, z.custom<MelConvention>(isConvention)], 'expected a mel convention'),
      folder: pathSchema('loadDataset mels').optional(),
    } satisfies FieldsOf<DatasetMels>)
    .optional(),
  decode: functionSchema<Decode>().default(() => decodeAudio),
  cache: pathSchema('loadDataset cache').optional(),
  signal: abortSignal.optional(),
  onProgress: callback<LoadProgress>().optional(),
} satisfies FieldsOf<DatasetOptions>)

/** The options with their defaults. */
export type CheckedDatasetOptions = z.output<typeof datasetOptionsSchema>
