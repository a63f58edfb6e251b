/** The labels of recordings: from `metadata.csv`, else from the name of the folder that a recording is in. */
import { basename, dirname, posix, sep } from 'node:path'
import { DiffWaveError } from '../core/errors.js'
import { systemReason } from '../core/system-code.js'
import { audioFiles, audioStem } from './audio-files.js'
import { METADATA_FILE, type MetadataEntry, readMetadata } from './metadata-csv.js'

/** A label that applies to a recording from some second on, until the next part. */
export interface LabelledPart {
  /** Seconds from the start of the recording. */
  readonly from: number
  /** Name of the class; '' for none. */
  readonly label: string
}

/** The label of a recording, or, if it changes, the labels of its parts in order. An empty string means no label. */
export type Label = string | readonly LabelledPart[]

/** The parts of a recording, one for each label. */
export function partsOf(label: Label): readonly LabelledPart[] {
  return typeof label === 'string' ? [{ from: 0, label }] : label
}

/** The label at a second of a recording. Before the first part, it is that of the first part. */
export function labelAt(label: Label, second: number): string {
  if (typeof label === 'string') return label
  // A recording of hours has thousands of parts, and training asks for each of its frames.
  let [at, end] = [0, label.length]
  while (end - at > 1) {
    const middle = (at + end) >>> 1
    if (label[middle]!.from <= second) at = middle
    else end = middle
  }
  return label[at]?.label ?? ''
}

/** A recording and its label. */
export interface LabelledFile {
  /** Path below the folder. */
  readonly name: string
  readonly label: Label
}

export interface LabelledFilesOptions {
  readonly signal?: AbortSignal | undefined
  /**
   * Called with what is odd: subfolders that cannot be read, which are left out, and lines of `metadata.csv` without a
   * recording, or that name one twice. Default: notes are dropped, and a subfolder that cannot be read is an error.
   */
  readonly onNote?: ((note: string) => void) | undefined
}

/**
 * The recordings below a folder with their classes: the second column of `metadata.csv`, else the name of the innermost
 * folder; '' at the top of the folder. A line of `metadata.csv` means the recording whose path below the folder it
 * gives, with or without the ending; if there is none, the one whose path ends in what it gives, or is the end of it.
 *
 * @throws DiffWaveError `BAD_DATA` (a line that could mean several recordings), and as `audioFiles`
 */
export async function labelledFiles(folder: string, options: LabelledFilesOptions = {}): Promise<LabelledFile[]> {
  const { signal, onNote } = options
  const onUnreadable =
    onNote &&
    (({ where, cause }: DiffWaveError) =>
      onNote(`a folder is skipped: ${where} cannot be read: ${systemReason(cause)}`))
  const files = await audioFiles(folder, { signal, onUnreadable })
  const entries = await readMetadata(folder)
  if (entries?.length === 0) onNote?.(`${METADATA_FILE}: no line has a recording and a label: the folders' names count`)
  const found = matched(files, entries ?? [], folder, onNote ?? (() => {}))
  return files.map(name => {
    const above = dirname(name)
    return { name, label: found.get(name) ?? (above === '.' ? '' : basename(above)) }
  })
}

/** A path as tables write it. macOS and Linux may store one name as different bytes (NFD and NFC). */
function normalised(name: string): string {
  const slashed = sep === '\\' || !name.includes('/') ? name.replaceAll('\\', '/') : name
  return posix.normalize(slashed.normalize('NFC'))
}

/** The files that entries may mean, by path and by the stem of the path. */
class FileIndex {
  readonly #exact = new Map<string, string[]>()
  readonly #byEnd = new Map<string, string[]>()
  /** Characters of the longest stem. */
  #longest = 0

  constructor(files: readonly string[]) {
    for (const file of files) {
      const name = normalised(file)
      const stem = audioStem(name)
      add(this.#exact, name, file)
      if (stem !== name) add(this.#exact, stem, file)
      for (const end of endsOf(stem)) add(this.#byEnd, end, file)
      this.#longest = Math.max(this.#longest, stem.length)
    }
  }

  /** Files of exactly this path, with or without the ending. */
  exact(name: string): readonly string[] {
    return this.#exact.get(name) ?? this.#exact.get(audioStem(name)) ?? []
  }

  /** Files whose path ends in this one, or is the end of it. */
  similar(name: string): readonly string[] {
    const stem = audioStem(name)
    const longer = this.#byEnd.get(stem) ?? []
    const shorter = endsOf(stem.slice(-this.#longest - 1)).flatMap(end =>
      (this.#exact.get(end) ?? []).filter(file => audioStem(normalised(file)) === end),
    )
    return [...longer, ...shorter]
  }
}

/** The paths that a path ends in, without the path itself: `b/c` and `c` for `a/b/c`. */
function endsOf(path: string): readonly string[] {
  const ends: string[] = []
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) ends.push(path.slice(at + 1))
  return ends
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

/** The labels that entries give to files. */
function matched(
  files: readonly string[],
  entries: readonly MetadataEntry[],
  folder: string,
  onNote: (note: string) => void,
): ReadonlyMap<string, Label> {
  const index = new FileIndex(files)
  const labels = new Map<string, Map<number, string>>()
  const exactly = new Set(entries.flatMap(({ name }) => index.exact(normalised(name))))
  const claimants = new Map<string, string>()
  const lost: string[] = []
  const twice = new Set<string>()
  for (const { name, label, from } of entries) {
    const wanted = normalised(name)
    const exact = index.exact(wanted)
    const meant = exact.length > 0 ? exact : index.similar(wanted).filter(file => !exactly.has(file))
    if (exact.length === 0) {
      if (meant.length === 0) lost.push(name)
      if (new Set(meant.map(audioStem)).size > 1) throw ambiguous(name, meant, folder)
    }
    for (const file of meant) {
      const other = claimants.get(file)
      if (exact.length === 0 && other !== undefined && other !== audioStem(wanted))
        throw ambiguous(file, [other, name], folder)
      if (exact.length === 0) claimants.set(file, audioStem(wanted))
      const known = labels.get(file) ?? new Map<number, string>()
      if (known.has(from)) twice.add(name)
      labels.set(file, known.set(from, label))
    }
  }
  const some = (names: readonly string[]) => `${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ''}`
  if (lost.length > 0) {
    onNote(`${METADATA_FILE}: ${lost.length} of ${entries.length} lines name no recording: ${some(lost)}`)
  }
  if (twice.size > 0) onNote(`${METADATA_FILE}: named twice, the last line counts: ${some([...twice])}`)
  return new Map([...labels].map(([file, parts]) => [file, inOrder(parts)]))
}

function ambiguous(name: string, candidates: readonly string[], folder: string): DiffWaveError {
  return new DiffWaveError('BAD_DATA', `${METADATA_FILE}: ${name} could mean several recordings`, {
    expected: 'paths below the folder',
    got: candidates.slice(0, 3).join(', '),
    where: folder,
  })
}

function inOrder(labels: ReadonlyMap<number, string>): Label {
  const parts = [...labels].map(([from, label]) => ({ from, label })).sort((a, b) => a.from - b.from)
  return parts.length === 1 ? parts[0]!.label : parts
}
