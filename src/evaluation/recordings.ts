/** A folder of recordings, and beside each what belongs to it: its mel, or what a model made of it. */
import { join } from 'node:path'
import type { Audio } from '../audio/audio.js'
import { audioFiles, audioStem } from '../audio/audio-files.js'
import { readAudio } from '../audio/codecs/decode.js'
import { DiffWaveError } from '../core/errors.js'

/** A file that was not measured, and why. */
export interface LeftOut {
  readonly file: string
  readonly reason: string
}

/** Recordings of a folder by stem (path below it, without the ending). @throws DiffWaveError `BAD_DATA` where there are none */
export async function recordingsIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = await audioFiles(folder)
  if (files.length === 0) {
    throw new DiffWaveError('BAD_DATA', 'the folder holds no recordings', {
      expected: 'WAV, FLAC, MP3 or Ogg files',
      where: folder,
    })
  }
  return new Map(files.map(file => [audioStem(file), join(folder, file)]))
}

/** A recording with finite samples. @throws DiffWaveError as `readAudio`, `NOT_FINITE` */
export async function readRecording(path: string): Promise<Audio> {
  const audio = await readAudio(path)
  const broken = audio.samples.findIndex(sample => !Number.isFinite(sample))
  if (broken >= 0) throw new DiffWaveError('NOT_FINITE', `sample ${broken} is not a finite number`, { where: path })
  return audio
}
