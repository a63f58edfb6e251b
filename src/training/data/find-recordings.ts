/** Finds the recordings of several data folders, each file once. */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type LabelledFile, labelledFiles } from '../../audio/labels.js'

/** A recording that was found in a data folder. */
export interface Found extends LabelledFile {
  /** The data folder, as it was given. */
  readonly folder: string
}

/** The recordings of all data folders. */
export interface FoundRecordings {
  /** In the order of the folders, and within a folder in that of `labelledFiles`. */
  readonly files: readonly Found[]
  /** What is odd, as `labelledFiles` reports it, and in one line the recordings that were found more than once. */
  readonly notes: readonly string[]
}

/**
 * Finds the recordings below folders, with their labels. Folders may overlap, and links may lead to a file that was
 * already found: each file is used once, as it was found first. Otherwise it would count double, and one copy could be
 * kept for validation while the network is trained on the other.
 *
 * @throws DiffWaveError as `labelledFiles`
 */
export async function findRecordings(
  folders: readonly string[],
  signal: AbortSignal | undefined,
): Promise<FoundRecordings> {
  const [files, again]: [Found[], string[]] = [[], []]
  const notes: string[] = []
  const known = new Set<string>()
  for (const folder of folders) {
    const labelled = await labelledFiles(folder, { signal, onNote: note => notes.push(note) })
    const places = await Promise.all(labelled.map(({ name }) => placeOf(join(folder, name))))
    for (const [i, file] of labelled.entries()) {
      if (known.has(places[i]!)) again.push(join(folder, file.name))
      else files.push({ folder, ...file })
      known.add(places[i]!)
    }
  }
  if (again.length > 0) {
    const more = again.length > 1 ? ` and ${again.length - 1} more` : ''
    notes.push(`found more than once in the data folders, used once: ${again[0]}${more}`)
  }
  // Folders that overlap have notes in common.
  return { files, notes: [...new Set(notes)] }
}

/** The path of a file without links. A link that leads nowhere stands for itself; reading it says what is wrong. */
function placeOf(path: string): Promise<string> {
  const folder = dirname(path)
  return realpath(path).catch(async () => join(await realpath(folder).catch(() => resolve(folder)), basename(path)))
}
