/** Finds the recordings in a folder. */
import { type FilesBelowOptions, filesBelow, isAppleDouble } from '../core/folder.js'

/** The endings of the files that `decodeAudio` can read. */
export const AUDIO_FILE = /\.(wav|flac|mp3|ogg|oga|opus)$/i

/**
 * Paths of the recordings below a folder, relative to it, in order, as `filesBelow` finds them.
 *
 * @throws DiffWaveError as `filesBelow`
 */
export async function audioFiles(folder: string, options: FilesBelowOptions = {}): Promise<string[]> {
  return (await filesBelow(folder, AUDIO_FILE, options)).filter(file => !isAppleDouble(file))
}

/**
 * The stem of a recording: its path without the ending. It pairs a recording with its mel and with a model's copy of
 * it.
 */
export function audioStem(name: string): string {
  return name.replace(AUDIO_FILE, '')
}
