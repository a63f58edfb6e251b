/** Which files of a folder are recordings. */
import { filesBelow } from '../core/folder.js'

/** The endings of what `decodeAudio` reads. */
export const AUDIO_FILE = /\.(wav|flac|mp3|ogg|oga|opus)$/i

/**
 * Paths of the recordings below a folder, relative to it, in order, as `filesBelow` finds them.
 *
 * @throws DiffWaveError as `filesBelow`
 */
export function audioFiles(folder: string, signal?: AbortSignal): Promise<string[]> {
  return filesBelow(folder, AUDIO_FILE, signal)
}

/** A recording's path without its ending: what pairs it with its mel, or with what a model made of it. */
export function audioStem(name: string): string {
  return name.replace(AUDIO_FILE, '')
}
