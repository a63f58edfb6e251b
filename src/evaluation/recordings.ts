/**
 * Lists the recordings of a folder by their stems, which pair a recording with its mel and with the copy that a model
 * made.
 */
import { join } from 'node:path'
import { audioFiles, audioStem } from '../audio/audio-files.js'
import { DiffWaveError } from '../core/errors.js'

/** A file that was left out, and why. */
export interface LeftOut {
  /** Path of the file. */
  readonly file: string
  /** Why it was left out: the message of the error. */
  readonly reason: string
}

/**
 * Paths of a folder's recordings by stem: the path below the folder, without the ending.
 *
 * @throws DiffWaveError `BAD_DATA` if there are none, or two of one stem
 */
export async function recordingsIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = await audioFiles(folder)
  if (files.length === 0) {
    throw new DiffWaveError('BAD_DATA', 'the folder contains no recordings', {
      expected: 'WAV, FLAC, MP3 or Ogg files',
      where: folder,
    })
  }
  const recordings = new Map<string, string>()
  for (const file of files) {
    const stem = audioStem(file)
    const path = join(folder, file)
    const other = recordings.get(stem)
    if (other !== undefined) {
      throw new DiffWaveError('BAD_DATA', 'two recordings have the same name without its ending', {
        got: `${other} and ${path}`,
        hint: 'Recordings and copies are paired by this name: rename or remove one of them.',
      })
    }
    recordings.set(stem, path)
  }
  return recordings
}
