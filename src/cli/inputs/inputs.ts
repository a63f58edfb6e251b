/** Inputs of a command: files, folders, patterns, pipes and standard input, each as the path of a regular file. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, extname, join, relative } from 'node:path'
import { AUDIO_FILE } from '../../audio/audio-files.js'
import { DiffWaveError } from '../../core/errors.js'
import { filesBelow, isAppleDouble } from '../../core/folder.js'
import { kindOfPath } from '../../core/path-kind.js'
import { isPattern, matchingFiles, patternBase } from './glob.js'
import { isStandardInput, spooled } from './spool.js'

/** One file to read. */
export interface Input {
  /** Its name in messages and results. */
  readonly name: string
  /** Path of the regular file to read. */
  readonly path: string
  /** Name of its result without the ending, including folders below the given folder or the pattern's base. */
  readonly stem: string
}

/** The kinds of files that a command looks for in folders. */
export interface InputKind {
  /** In the plural, for errors. */
  readonly title: string
  readonly ending: RegExp
}

export const recordings: InputKind = { title: 'recordings', ending: AUDIO_FILE }
export const mels: InputKind = { title: 'mels', ending: /\.(npy|npz|pt|safetensors)$/i }
const anything: InputKind = { title: 'files', ending: /$/ }

/**
 * The files that arguments name. A folder stands for the files of the given kind below it, a pattern for the files that
 * match it unless a file of that name exists, and `-` for standard input. Pipes and standard input are copied to a
 * temporary file, because most formats cannot be read in one pass.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_DATA` (a folder without such files), `BAD_OPTION`, `TOO_LARGE`,
 * `ABORTED`
 */
export async function findInputs(
  words: readonly string[],
  kind: InputKind,
  signal: AbortSignal,
): Promise<readonly Input[]> {
  const inputs: Input[] = []
  // Not spread into one call of `push`: a folder may have more files than a function takes arguments.
  for (const word of words) for (const input of await inputsOf(word, kind, signal)) inputs.push(input)
  return inputs
}

/**
 * The file that an argument names, whatever its kind; a folder is returned as it is.
 *
 * @throws DiffWaveError `BAD_OPTION` (a pattern that matches several files), and as `findInputs`
 */
export async function findInput(word: string, signal: AbortSignal): Promise<Input> {
  if ((await kindOfPath(word)) === 'directory') return { name: word, path: word, stem: stemOf(word) }
  const [first, ...others] = await inputsOf(word, anything, signal)
  if (others.length === 0) return first!
  throw new DiffWaveError('BAD_OPTION', `the pattern matches ${others.length + 1} files`, {
    expected: 'one file',
    where: word,
  })
}

/** The files that match an argument, or itself if it is no pattern. @throws DiffWaveError as `findInputs` */
export async function findPaths(word: string, signal: AbortSignal): Promise<readonly string[]> {
  if (!isPattern(word) || (await kindOfPath(word)) !== 'missing') return [word]
  return (await patternInputs(word, signal)).map(({ path }) => path)
}

async function inputsOf(word: string, kind: InputKind, signal: AbortSignal): Promise<readonly Input[]> {
  if (isStandardInput(word))
    return [{ name: '-', path: await spooled(() => process.stdin, '-', signal), stem: 'stdin' }]
  switch (await kindOfPath(word)) {
    case 'directory':
      return folderInputs(word, kind, signal)
    case 'other':
      return [await pipeInput(word, signal)]
    case 'missing':
      if (isPattern(word)) return patternInputs(word, signal)
  }
  // A missing file fails when it is read, so that the other inputs are still processed.
  return [{ name: word, path: word, stem: stemOf(word) }]
}

function stemOf(path: string): string {
  return basename(path, extname(path))
}

/** A path without its ending. */
function withoutEnding(path: string): string {
  return path.slice(0, path.length - extname(path).length)
}

async function folderInputs(
  folder: string,
  { title, ending }: InputKind,
  signal: AbortSignal,
): Promise<readonly Input[]> {
  const files = (await filesBelow(folder, ending, { signal })).filter(file => !isAppleDouble(file))
  if (files.length === 0) {
    // A folder with the name of a file: the user meant a file.
    const code = ending.test(folder) ? 'NOT_A_FILE' : 'BAD_DATA'
    throw new DiffWaveError(code, `the folder contains no ${title}`, { where: folder })
  }
  return files.map(file => ({ name: join(folder, file), path: join(folder, file), stem: withoutEnding(file) }))
}

async function patternInputs(pattern: string, signal: AbortSignal): Promise<readonly Input[]> {
  const files = await matchingFiles(pattern, signal)
  if (files.length === 0) throw new DiffWaveError('FILE_NOT_FOUND', 'no file matches the pattern', { where: pattern })
  const base = patternBase(pattern)
  return files.map(path => ({ name: path, path, stem: withoutEnding(relative(base, path)) }))
}

async function pipeInput(path: string, signal: AbortSignal): Promise<Input> {
  const status = await stat(path)
  if (!status.isFIFO() && !status.isSocket()) {
    throw new DiffWaveError('NOT_A_FILE', 'neither a regular file nor a pipe', { where: path })
  }
  return { name: path, path: await spooled(() => createReadStream(path), path, signal), stem: 'pipe' }
}
