/** What a command reads: files, folders, patterns, pipes and standard input, each as a path that can be read. */
import { createReadStream, rmSync } from 'node:fs'
import { mkdtemp, open, readdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join, relative } from 'node:path'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { fileError, kindOfPath } from '../core/files.js'
import { MAX_FILE_BYTES } from '../core/limits.js'
import { isPattern, matchingFiles, patternBase } from './glob.js'

/** One file to read. */
export interface Input {
  /** What messages and results call it. */
  readonly name: string
  /** Where it lies. */
  readonly path: string
  /** Name of its result without the ending; below a folder or a pattern's base, with the folders between. */
  readonly stem: string
}

/** The kinds of files that a command looks for in folders. */
export interface InputKind {
  /** In the plural, for errors. */
  readonly title: string
  readonly ending: RegExp
}

export const recordings: InputKind = { title: 'recordings', ending: /\.(wav|flac|mp3|ogg|oga|opus)$/i }
export const mels: InputKind = { title: 'mels', ending: /\.(npy|pt|safetensors)$/i }
const anything: InputKind = { title: 'files', ending: /$/ }

const standardInput = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'])

/**
 * The files that the words of a command line name. A folder stands for the files of the kind below it, a pattern in
 * quotes for what matches it unless a file of that very name exists, `-` for standard input. Pipes and standard input
 * are read to the end into a temporary file, as most formats cannot be read in one pass.
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
  for (const word of words) inputs.push(...(await inputsOf(word, kind, signal)))
  return inputs
}

/**
 * The one file that a word names, whatever its kind; a folder is taken as it is.
 *
 * @throws DiffWaveError as `findInputs`
 */
export async function findInput(word: string, signal: AbortSignal): Promise<Input> {
  if ((await kindOfPath(word)) === 'directory') return { name: word, path: word, stem: stemOf(word) }
  return (await inputsOf(word, anything, signal))[0]!
}

async function inputsOf(word: string, kind: InputKind, signal: AbortSignal): Promise<readonly Input[]> {
  if (standardInput.has(word)) return [{ name: '-', path: await spooled(process.stdin, '-', signal), stem: 'stdin' }]
  switch (await kindOfPath(word)) {
    case 'directory':
      return folderInputs(word, kind)
    case 'other':
      return [await pipeInput(word, signal)]
    case 'missing':
      if (isPattern(word)) return patternInputs(word)
  }
  // A missing file is found out when it is read, so that of several inputs the others are still done.
  return [{ name: word, path: word, stem: stemOf(word) }]
}

function stemOf(path: string): string {
  return basename(path, extname(path))
}

/** A path without its ending. */
function withoutEnding(path: string): string {
  return path.slice(0, path.length - extname(path).length)
}

async function folderInputs(folder: string, { title, ending }: InputKind): Promise<readonly Input[]> {
  const files = (await filesBelow(folder, new Set())).filter(file => ending.test(file)).sort()
  if (files.length === 0) {
    // A folder that is called as a file is: its files are not what was meant.
    const code = ending.test(folder) ? 'NOT_A_FILE' : 'BAD_DATA'
    throw new DiffWaveError(code, `the folder contains no ${title}`, { where: folder })
  }
  return files.map(path => ({ name: path, path, stem: withoutEnding(relative(folder, path)) }))
}

/** All files below a folder. Links are followed; a folder that a link leads back to is entered once. */
async function filesBelow(folder: string, entered: Set<string>): Promise<string[]> {
  try {
    const real = await realpath(folder)
    if (entered.has(real)) return []
    entered.add(real)
    const files: string[] = []
    for (const name of (await readdir(folder)).sort()) {
      const path = join(folder, name)
      const kind = await kindOfPath(path)
      if (kind === 'directory') files.push(...(await filesBelow(path, entered)))
      else if (kind === 'file') files.push(path)
    }
    return files
  } catch (error) {
    throw fileError(error, folder, 'read')
  }
}

async function patternInputs(pattern: string): Promise<readonly Input[]> {
  const files = await matchingFiles(pattern)
  if (files.length === 0) throw new DiffWaveError('FILE_NOT_FOUND', 'no file matches the pattern', { where: pattern })
  const base = patternBase(pattern)
  return files.map(path => ({ name: path, path, stem: withoutEnding(relative(base, path)) }))
}

async function pipeInput(path: string, signal: AbortSignal): Promise<Input> {
  const status = await stat(path)
  if (!status.isFIFO() && !status.isSocket()) {
    throw new DiffWaveError('NOT_A_FILE', 'neither a regular file nor a pipe', { where: path })
  }
  return { name: path, path: await spooled(createReadStream(path), path, signal), stem: 'pipe' }
}

/** The temporary folder of this process, made when first needed and removed when the process ends. */
let temporaryFolder: Promise<string> | null = null
let spools = 0

async function temporary(): Promise<string> {
  temporaryFolder ??= mkdtemp(join(tmpdir(), 'diffwave-')).then(folder => {
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    return folder
  })
  return join(await temporaryFolder, `input-${spools++}`)
}

/** Everything that a stream has to give, in a temporary file. */
async function spooled(stream: NodeJS.ReadableStream, name: string, signal: AbortSignal): Promise<string> {
  if (stream === process.stdin && process.stdin.isTTY) {
    throw new DiffWaveError('BAD_OPTION', 'standard input is a terminal', {
      where: name,
      hint: 'Pipe a file to it, or name one.',
    })
  }
  const path = await temporary()
  const file = await open(path, 'wx', 0o600)
  const abort = () => (stream as NodeJS.ReadStream).destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    let size = 0
    for await (const bytes of stream as AsyncIterable<Uint8Array>) {
      size += bytes.length
      if (size > MAX_FILE_BYTES) {
        throw new DiffWaveError('TOO_LARGE', 'the input is too large', {
          expected: `at most ${MAX_FILE_BYTES} bytes`,
          where: name,
        })
      }
      await file.writeFile(bytes)
    }
    throwIfAborted(signal)
    return path
  } catch (error) {
    throwIfAborted(signal)
    throw fileError(error, name, 'read')
  } finally {
    signal.removeEventListener('abort', abort)
    await file.close()
  }
}
