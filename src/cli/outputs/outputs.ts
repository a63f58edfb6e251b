/** Where results go: one input to a file, several to a folder; checked before any work starts. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { DiffWaveError } from '../../core/errors.js'
import { endingOf, isKnownEnding } from '../../core/file-endings.js'
import { fileError } from '../../core/file-error.js'
import { isVacant } from '../../core/folder.js'
import { makeFolder } from '../../core/make-folder.js'
import { fileIdentity, kindOfPath } from '../../core/path-kind.js'
import { orAborted } from '../../core/until-aborted.js'
import { checkWritable, linkTarget } from '../../core/write-file.js'
import type { Context } from '../context.js'
import type { Input } from '../inputs/inputs.js'
import { printable } from '../text.js'
import { STDOUT, standardOutput } from './sink.js'

/** One input and the file its result goes to. */
export interface Job<T extends Input = Input> {
  readonly input: T
  readonly output: string
}

/** A file that is read. */
type Source = Pick<Input, 'name' | 'path'>

export interface OutputPlan {
  readonly output: string
  /** Allowed endings; results in a folder have the first one. */
  readonly endings: readonly [string, ...string[]]
  readonly force: boolean | undefined
  /** Further files that the command reads and must not overwrite, whether or not they exist. */
  readonly sources?: readonly Source[]
  /** Further files that are written with a result. */
  readonly beside?: (output: string) => readonly string[]
}

/** Whether a path means a folder: it is one, it ends in a slash, or it does not end like a file. */
async function meansFolder(path: string, endings: readonly string[]): Promise<boolean> {
  const kind = await kindOfPath(path, 'write')
  if (kind !== 'missing') return kind === 'directory'
  if (/[\\/]$/.test(path)) return true
  const ending = endingOf(path)
  if (endings.includes(ending)) return false
  if (!isKnownEnding(ending)) return true
  throw new DiffWaveError('BAD_OPTION', 'results are not written in this format', {
    expected: `a folder, or a file that ends in ${endings.join(' or ')}`,
    got: path,
  })
}

/**
 * Pairs inputs with outputs. The output is standard output, a device or pipe, a file with one of the endings (then
 * there must be one input), or a folder, made if need be, in which each result has its input's name and the first
 * ending.
 *
 * @throws DiffWaveError `BAD_OPTION` (several inputs for one file, two results of one name, a file that would be
 * overwritten), `NOT_WRITABLE`, `NOT_A_DIRECTORY`, …
 */
export async function planOutputs<T extends Input>(
  context: Context,
  inputs: readonly T[],
  plan: OutputPlan,
): Promise<readonly Job<T>[]> {
  const output = standardOutput(plan.output)
  const { endings, sources = [] } = plan
  const folder = output !== STDOUT && (await meansFolder(output, endings))
  if (!folder) {
    if (inputs.length > 1) throw oneFile(`${inputs.length} inputs`, output)
    if (output !== STDOUT) await checkFile(output, endings)
  }
  const jobs = inputs.map(input => ({ input, output: folder ? join(output, input.stem + endings[0]) : output }))
  refuseDoubles(jobs)
  const results = jobs.map(job => job.output)
  const beside = results.flatMap(result => plan.beside?.(result) ?? [])
  refuseLonePictures(results, beside)
  const outputs = [...results, ...beside]
  await refuseInputs(outputs, [...inputs, ...sources])
  await confirmOverwrite(context, outputs, plan.force)
  if (folder) for (const path of new Set([output, ...jobs.map(job => dirname(job.output))])) await makeFolder(path)
  return jobs
}

/** Refuses pictures of results that are no files, such as pipes. @throws DiffWaveError `BAD_OPTION` */
export function refuseLonePictures(results: readonly string[], pictures: readonly string[]): void {
  const all = new Set(results)
  const alone = pictures.find(picture => all.has(picture))
  if (alone === undefined) return
  throw new DiffWaveError('BAD_OPTION', 'a picture needs a .wav file beside it', {
    got: alone,
    hint: 'Leave out --picture, or name a file with -o.',
  })
}

/** The error of several results for one file. */
export function oneFile(results: string, output: string): DiffWaveError {
  return new DiffWaveError('BAD_OPTION', `${results} cannot go to one file`, {
    got: output,
    hint: 'Name a folder with -o to write a file for each.',
  })
}

/** Whether a path names a file of one of the endings rather than a folder. @throws DiffWaveError `BAD_OPTION` */
export async function meansFile(path: string, endings: readonly string[]): Promise<boolean> {
  return standardOutput(path) === STDOUT || !(await meansFolder(path, endings))
}

/** Refuses a file that cannot be written, and one that exists but is of another format. @throws DiffWaveError */
export async function checkFile(path: string, endings: readonly string[]): Promise<void> {
  if ((await kindOfPath(path, 'write')) === 'other') {
    await access(path, constants.W_OK).catch(error => {
      throw fileError(error, path, 'write')
    })
    return
  }
  if (!endings.includes(endingOf(path))) {
    throw new DiffWaveError('BAD_OPTION', 'results are not written in this format', {
      expected: `a file that ends in ${endings.join(' or ')}`,
      got: path,
    })
  }
  await checkWritable(path)
}

function refuseDoubles(jobs: readonly Job[]): void {
  const seen = new Map<string, string>()
  for (const { input, output } of jobs) {
    const other = seen.get(output)
    if (other !== undefined) {
      throw new DiffWaveError('BAD_OPTION', `two inputs would be written to ${output}`, {
        got: `${other} and ${input.name}`,
        hint: 'Rename one of them, or use a folder for each.',
      })
    }
    seen.set(output, input.name)
  }
}

/** @throws DiffWaveError `BAD_OPTION` if an output is the same file as an input or another output, be it by links */
async function refuseInputs(outputs: readonly string[], inputs: readonly Source[]): Promise<void> {
  const sources = new Map<string, string>()
  for (const { name, path } of inputs) {
    const file = await fileIdentity(path)
    if (file !== null) sources.set(file, name)
  }
  const written = new Map<string, string>()
  for (const output of outputs) {
    if (output === STDOUT || !['file', 'missing'].includes(await kindOfPath(output, 'write'))) continue
    // Links may lead to a file that does not exist yet.
    const file = (await fileIdentity(output)) ?? resolve(await linkTarget(output))
    const same = sources.get(file)
    if (same !== undefined) {
      throw new DiffWaveError('BAD_OPTION', 'the result would overwrite its input', {
        ...(same === output ? {} : { got: output }),
        where: same,
        hint: 'Name another file or folder with -o.',
      })
    }
    const other = written.get(file)
    if (other !== undefined) {
      throw new DiffWaveError('BAD_OPTION', 'two results would be written to one file', {
        got: `${other} and ${output}, of which one is a link to the other`,
        hint: 'Remove the link, or use another folder.',
      })
    }
    written.set(file, output)
  }
}

/**
 * Asks before existing files are overwritten, if there is a terminal to ask on and `--force` was not given. A script
 * has said what it wants: there, files are overwritten without a question.
 *
 * @throws DiffWaveError `BAD_OPTION` if the user does not agree
 */
export async function confirmOverwrite(
  context: Context,
  outputs: readonly string[],
  force: boolean | undefined,
): Promise<void> {
  if (force || !hasTerminal()) return
  const existing: string[] = []
  for (const path of outputs) if (path !== STDOUT && (await kindOfPath(path, 'write')) === 'file') existing.push(path)
  const [first] = existing
  if (first === undefined) return
  const [problem, question] =
    existing.length === 1
      ? ['the file exists already', `${first} exists.`]
      : [`${existing.length} of the files exist already`, `${first} and ${existing.length - 1} more exist.`]
  if (await agrees(context, question)) return
  throw new DiffWaveError('BAD_OPTION', problem, { where: first, hint: 'Use --force to overwrite.' })
}

/**
 * Whether to write a model into a folder that has files: with `--force`, or if there is a terminal and the user agrees.
 * In a script it takes `--force`: a result can be made again, but a model may have cost days of training.
 */
export async function mayReplaceModel(context: Context, folder: string, force: boolean | undefined): Promise<boolean> {
  if (force || !hasTerminal() || (await isVacant(folder))) return force ?? false
  return agrees(context, `${folder} is not empty.`)
}

function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** Asks whether to overwrite, unless the output is for programs. */
async function agrees(context: Context, fact: string): Promise<boolean> {
  if (context.json || context.quiet) return false
  const answer = await answerTo(`${printable(fact)} Overwrite? [y/N] `, context.signal)
  return /^y(es)?$/i.test(answer.trim())
}

/** What the user types after a question; empty if the input ends, as at Ctrl-D. @throws DiffWaveError `ABORTED` */
async function answerTo(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C arrives here while the question is open; passed on, it ends the run as always.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const answered = new Promise<string | null>(resolve => {
    terminal.on('close', () => resolve(null))
    terminal.question(question, resolve)
  })
  try {
    const answer = await orAborted(answered, signal)
    // What follows would begin in the line of the question.
    if (answer === null) process.stderr.write('\n')
    return answer ?? ''
  } finally {
    terminal.close()
  }
}
