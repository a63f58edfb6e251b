/**
 * A system makes copies of recordings from their mels: a vocoder, Griffin-Lim, or a folder of files that were made
 * before.
 */
import type { Audio } from '../../audio/audio.js'
import { readAudio } from '../../audio/codecs/decode.js'
import { type ConventionName, conventionOf, type Mel, type MelConvention } from '../../audio/mel/convention.js'
import { griffinLim } from '../../audio/mel/griffin-lim.js'
import { DiffWaveError } from '../../core/errors.js'
import { check, seed as seedSchema } from '../../core/options.js'
import { type PathLike, toPath } from '../../core/path.js'
import { recordingsIn } from '../recordings.js'

/** What a system gets to copy a recording. */
export interface Original {
  /** Path below the reference folder, without the ending. */
  readonly name: string
  /** `[bands × frames]`, in the evaluation's convention. */
  readonly mel: Mel
  /** Number of samples to return, at the convention's rate; at most as many as the mel covers. */
  readonly length: number
  /** Index of the file, from 0. */
  readonly index: number
}

/** A way to turn mels back into audio. */
export interface System {
  /** Name in reports, different from the names of the other systems. */
  readonly name: string
  /** Whether to report the time that a copy takes. */
  readonly timed: boolean
  /** Makes the copy of one recording. */
  readonly make: (original: Original, signal?: AbortSignal) => Promise<Audio>
}

/**
 * Makes the baseline that needs no model.
 *
 * @param convention of the mels that it receives, or its name
 * @param seed of its random initial phases
 * @throws DiffWaveError `BAD_CONFIG`, `BAD_OPTION`
 * @example
 * const baseline = griffinLimSystem('tacotron2', 1)
 */
export function griffinLimSystem(convention: MelConvention | ConventionName, seed: number): System {
  const described = conventionOf(convention, 'griffinLimSystem convention')
  check(seedSchema, seed, 'griffinLimSystem seed')
  return {
    name: 'Griffin-Lim',
    timed: true,
    make: ({ mel, length }, signal) =>
      griffinLim(mel, described, { length, seed, ...(signal === undefined ? {} : { signal }) }),
  }
}

/**
 * Makes a system from a folder of copies that were made before, matched by name. Composed and decomposed characters are
 * the same, as one system may store a name as the other.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_DATA`, `FILE_NOT_FOUND`
 * @example
 * const other = await folderSystem('copies-of-another-vocoder')
 */
export async function folderSystem(path: PathLike): Promise<System> {
  const folder = toPath(path, 'folderSystem folder')
  const recordings = await recordingsIn(folder)
  const composed = new Map([...recordings].map(([name, copy]) => [name.normalize('NFC'), copy]))
  return {
    name: folder,
    timed: false,
    make: async ({ name }) => {
      const copy = recordings.get(name) ?? composed.get(name.normalize('NFC'))
      if (copy !== undefined) return readAudio(copy)
      throw new DiffWaveError('FILE_NOT_FOUND', `there is no copy of ${name}`, { where: folder })
    },
  }
}
