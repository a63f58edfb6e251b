/** Which files of a folder are recordings. */
import { readdir } from 'node:fs/promises'
import { fileError } from '../files.js'

/** The endings of what `decodeAudio` reads. */
export const AUDIO_FILE = /\.(wav|flac|mp3|ogg|oga|opus)$/i

/** Paths of the recordings below a folder, relative to it, in order. @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY` */
export async function audioFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true })
    return names.filter(name => AUDIO_FILE.test(name)).sort()
  } catch (error) {
    throw fileError(error, folder, 'read')
  }
}

/** A recording's path without its ending: what pairs it with its mel, or with what a model made of it. */
export function audioStem(name: string): string {
  return name.replace(AUDIO_FILE, '')
}
