/** Which files of a folder are recordings. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileError } from '../core/files.js'

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

/** A class that holds from a second of a recording on, until the next part. */
export interface LabelledPart {
  readonly from: number
  readonly label: string
}

/** The class of a recording; where it changes, those of its parts in order. '': none. */
export type Label = string | readonly LabelledPart[]

/** The parts of a recording that differ in class; one where it is of one class. */
export function partsOf(label: Label): readonly LabelledPart[] {
  return typeof label === 'string' ? [{ from: 0, label }] : label
}

/** The class at a second of a recording: before the first part, that of the first. */
export function labelAt(label: Label, second: number): string {
  if (typeof label === 'string') return label
  return (label.findLast(({ from }) => from <= second) ?? label[0])?.label ?? ''
}

/**
 * Labels by file name without its ending, from `metadata.csv`: `name,label` or `name|label` a line, or `name,label,second` where
 * a recording changes: the label holds from that second on.
 */
async function metadataLabels(folder: string): Promise<Map<string, Label>> {
  const found = new Map<string, Map<number, string>>()
  let text = ''
  try {
    text = await readFile(join(folder, 'metadata.csv'), 'utf8')
  } catch {
    // Most folders have none.
  }
  for (const line of text.split(/\r?\n/)) {
    const [name, label, second = ''] = line.split(/[,|]/)
    if (!name || !label) continue
    const stem = basename(audioStem(name.trim()))
    const labels = found.get(stem) ?? new Map<number, string>()
    // In other projects' files the third column is text.
    labels.set(/^\s*\d+(\.\d+)?\s*$/.test(second) ? Number(second) : 0, label.trim())
    found.set(stem, labels)
  }
  return new Map([...found].map(([stem, labels]) => [stem, inOrder(labels)]))
}

function inOrder(labels: ReadonlyMap<number, string>): Label {
  const parts = [...labels].map(([from, label]) => ({ from, label })).sort((a, b) => a.from - b.from)
  return parts.length === 1 ? parts[0]!.label : parts
}

/**
 * The recordings below a folder with the names of their classes: `metadata.csv`'s second column, else the innermost folder's name; ''
 * at the top of the folder.
 *
 * @throws DiffWaveError as `audioFiles`
 */
export async function labelledFiles(folder: string): Promise<{ readonly name: string; readonly label: Label }[]> {
  const labels = await metadataLabels(folder)
  return (await audioFiles(folder)).map(name => {
    const above = dirname(name)
    return { name, label: labels.get(basename(audioStem(name))) ?? (above === '.' ? '' : basename(above)) }
  })
}
