/** Which files of a folder are recordings. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
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

/** Labels by file name without its ending, from `metadata.csv`: `name,label` or `name|label` a line. */
async function metadataLabels(folder: string): Promise<Map<string, string>> {
  const labels = new Map<string, string>()
  let text: string
  try {
    text = await readFile(join(folder, 'metadata.csv'), 'utf8')
  } catch {
    return labels
  }
  for (const line of text.split(/\r?\n/)) {
    const [name, label] = line.split(/[,|]/)
    if (name && label) labels.set(basename(audioStem(name.trim())), label.trim())
  }
  return labels
}

/**
 * The recordings below a folder with the names of their classes: `metadata.csv`'s second column, else the innermost folder's name; ''
 * at the top of the folder.
 *
 * @throws DiffWaveError as `audioFiles`
 */
export async function labelledFiles(folder: string): Promise<{ readonly name: string; readonly label: string }[]> {
  const labels = await metadataLabels(folder)
  return (await audioFiles(folder)).map(name => {
    const above = dirname(name)
    return { name, label: labels.get(basename(audioStem(name))) ?? (above === '.' ? '' : basename(above)) }
  })
}
