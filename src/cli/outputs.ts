/** Where results go: one input to a file, several to a folder; checked before any work starts. */
import { basename, extname, join, resolve } from 'node:path'
import { DiffWaveError } from '../core/errors.js'
import { checkWritable, kindOfPath, makeFolder } from '../core/files.js'

/** One input and the file its result goes to. */
export interface Job {
  readonly input: string
  readonly output: string
}

/** Endings that are not part of an input's name. */
function stem(path: string): string {
  return basename(path, extname(path))
}

/**
 * Pairs inputs with outputs. `output` is a file if it has one of the endings `extensions` (then there must be one input), else a
 * folder, made if need be, in which each result has its input's name and the first ending.
 *
 * @throws DiffWaveError `BAD_OPTION` (several inputs for one file, two results of one name, an input that would be
 * overwritten), `NOT_WRITABLE`, `NOT_A_DIRECTORY`, …
 */
export async function planOutputs(
  inputs: readonly string[],
  output: string,
  extensions: readonly [string, ...string[]],
): Promise<readonly Job[]> {
  const isFolder = (await kindOfPath(output)) === 'directory'
  const ending = extname(output).toLowerCase()
  if (!isFolder && extensions.includes(ending)) {
    if (inputs.length > 1) {
      throw new DiffWaveError('BAD_OPTION', `${inputs.length} inputs cannot go to one file`, {
        got: output,
        hint: 'Name a folder with -o to write a file for each.',
      })
    }
    refuseOverwriting(inputs, output)
    await checkWritable(output)
    return [{ input: inputs[0]!, output }]
  }
  if (!isFolder && ending !== '' && ending.length <= 5) {
    throw new DiffWaveError('BAD_OPTION', 'results are not written in this format', {
      expected: `a folder, or a file that ends in ${extensions.join(' or ')}`,
      got: output,
    })
  }
  const jobs = inputs.map(input => ({ input, output: join(output, stem(input) + extensions[0]) }))
  const seen = new Map<string, string>()
  for (const job of jobs) {
    const other = seen.get(job.output)
    if (other !== undefined) {
      throw new DiffWaveError('BAD_OPTION', `two inputs would be written to ${job.output}`, {
        got: `${other} and ${job.input}`,
      })
    }
    seen.set(job.output, job.input)
    refuseOverwriting(inputs, job.output)
  }
  await makeFolder(output)
  return jobs
}

function refuseOverwriting(inputs: readonly string[], output: string): void {
  const same = inputs.find(input => resolve(input) === resolve(output))
  if (same !== undefined) {
    throw new DiffWaveError('BAD_OPTION', 'the result would overwrite its input', { where: same })
  }
}
