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
 * @throws DiffWaveError `BAD_DATA` if there are none
 */
export async function recordingsIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = await audioFiles(folder)
  if (files.length === 0) {
    throw new DiffWaveError('BAD_DATA', 'the folder contains no recordings', {
      expected: 'WAV, FLAC, MP3 or Ogg files',
      where: folder,
    })
  }
  return new Map(files.map(file => [audioStem(file), join(folder, file)]))
}
