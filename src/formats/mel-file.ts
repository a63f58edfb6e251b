/** Writes mel files, and finds those of recordings. */
import { basename, join } from 'node:path'
import { checkMel, checkMelFor } from '../audio/mel/check-mel.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { melFrames } from '../audio/mel/mel.js'
import { DiffWaveError } from '../core/errors.js'
import { type PathLike, toPath } from '../core/path.js'
import { kindOfPath } from '../core/path-kind.js'
import { writeFileBytes } from '../core/write-file.js'
import { encodeNpy } from './npy.js'
import { readMel } from './read-mel.js'
import { encodeSafetensors } from './safetensors.js'

/** Endings of the files that can hold a mel. */
export const melEndings = ['.npy', '.npz', '.safetensors', '.pt'] as const

/** Max difference in frames between a mel and its recording, since framings and ways of trimming differ. */
const FRAME_SLACK = 2

/** Where the mel of a recording may be, and what it has to be. */
export interface MelPlace {
  readonly folder: string
  /** Path of the recording below its own folder, without the ending. */
  readonly stem: string
  /** Length of the recording in samples, at the convention's rate. */
  readonly samples: number
  readonly convention: MelConvention
  /** Default: all endings of files that can hold a mel. */
  readonly endings?: readonly string[]
  /**
   * Whether the mel may also be at the top of its folder, under the last part of its name. Set it to false if several
   * recordings share that part. Default: true.
   */
  readonly bareName?: boolean
}

/**
 * Reads the mel that a folder holds for a recording, and checks its convention and its length. Null if there is none.
 *
 * @throws DiffWaveError as `readMel` and `checkMelFor`; `BAD_MEL` if the mel has another length than the recording
 */
export async function readMelOf({
  folder,
  stem,
  samples,
  convention,
  endings = melEndings,
  bareName = true,
}: MelPlace): Promise<Mel | null> {
  const names = bareName ? [stem, basename(stem)] : [stem]
  // macOS and Linux may store the same name as different bytes.
  for (const name of new Set(names.flatMap(own => [own, own.normalize('NFC'), own.normalize('NFD')]))) {
    for (const ending of endings) {
      const path = join(folder, name + ending)
      if ((await kindOfPath(path)) !== 'file') continue
      const { mel } = await readMel(path, convention.bands)
      checkMelFor(mel, convention, path)
      const frames = melFrames(samples, convention)
      if (Math.abs(mel.frames - frames) <= FRAME_SLACK) return mel
      throw new DiffWaveError('BAD_MEL', 'the mel is not as long as the recording', {
        expected: `${frames} frames`,
        got: String(mel.frames),
        where: path,
      })
    }
  }
  return null
}

/**
 * Writes a mel. The ending of the file's name chooses the format: `.npy` (float32, C order) or `.safetensors` (tensor
 * `mel`).
 *
 * @throws DiffWaveError `BAD_OPTION`, `UNSUPPORTED_FORMAT` (another ending), `BAD_MEL`, `NOT_FINITE`, `NOT_WRITABLE`,
 * `DISK_FULL`
 * @example
 * await writeMel('mel.npy', (await vocoder.analyse(audio)).mel)
 */
export async function writeMel(path: PathLike, mel: Mel): Promise<void> {
  const file = toPath(path, 'writeMel path')
  checkMel(mel, 'writeMel mel')
  const tensor = { shape: [mel.bands, mel.frames], data: mel.data }
  if (/\.safetensors$/i.test(file)) return writeFileBytes(file, encodeSafetensors(new Map([['mel', tensor]])))
  if (/\.npy$/i.test(file)) return writeFileBytes(file, encodeNpy(tensor))
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'mels are written as .npy and .safetensors only', {
    expected: 'a name that ends in .npy or .safetensors',
    where: file,
  })
}
