/** Where the audio of a result goes: to a file, or to standard output. */
import { dirname } from 'node:path'
import type { WavOptions } from '../../audio/codecs/wav-encode.js'
import { writeWavStream } from '../../audio/codecs/wav-file.js'
import { wavBytes } from '../../audio/codecs/wav-stream.js'
import { DiffWaveError } from '../../core/errors.js'
import { makeFolder } from '../../core/make-folder.js'
import { orAborted } from '../../core/until-aborted.js'
import type { AudioStream } from '../../synthesis/result.js'
import { withRelease } from '../inputs/named-pipe.js'

/** The name of standard output. */
export const STDOUT = '-'

const names = new Set([STDOUT, '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])

/** The path of an output; all names of standard output become `STDOUT`. */
export function standardOutput(path: string): string {
  return names.has(path) ? STDOUT : path
}

/** Refuses what a pipe cannot do, before any work starts. @throws DiffWaveError `BAD_OPTION` */
export function checkStdout(results: number, options: { readonly picture?: boolean | undefined } = {}): void {
  const refuse = (problem: string, hint: string): never => {
    throw new DiffWaveError('BAD_OPTION', problem, { where: 'standard output', hint })
  }
  if (results > 1) refuse(`${results} results cannot go to one pipe`, 'Name a folder with -o to write a file for each.')
  if (options.picture) refuse('a picture needs a file beside it', 'Leave out --picture, or name a file with -o.')
  if (process.stdout.isTTY) {
    refuse('binary data is not written to a terminal', 'Pipe it: diffwave synthesize mel.npy --stdout | aplay')
  }
}

/** The output that `-o` and `--stdout` name together. @throws DiffWaveError `BAD_OPTION` if they name none, or two */
export function chosenOutput({
  output,
  stdout,
}: {
  readonly output: string | undefined
  readonly stdout: boolean | undefined
}): string {
  if ((output === undefined) === (stdout !== true)) {
    throw new DiffWaveError('BAD_OPTION', output === undefined ? 'no output is named' : 'two outputs are named', {
      expected: '-o <path> or --stdout',
    })
  }
  return output === undefined ? STDOUT : standardOutput(output)
}

/** Makes the folder of a result anew: another process that made it may have failed, and removed it empty. */
export async function keepFolder(output: string): Promise<void> {
  await makeFolder(dirname(output))
}

/**
 * Writes bytes to standard output, as fast as its reader takes them. A signal ends the wait for a reader that stalls.
 *
 * @throws DiffWaveError `ABORTED`
 */
export function writeStdout(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  // A failed write ends the run in `Ending`.
  const written = new Promise<void>(resolve => process.stdout.write(bytes, () => resolve()))
  return orAborted(written, signal)
}

/** Writes audio piece by piece. @param signal ends the wait for the reader of a pipe */
export async function writeAudioTo(
  output: string,
  audio: AudioStream,
  options: WavOptions,
  signal: AbortSignal,
): Promise<void> {
  if (output !== STDOUT) {
    await keepFolder(output)
    await withRelease(output, signal, () => writeWavStream(output, audio, options))
    return
  }
  for await (const bytes of wavBytes(audio, options)) await writeStdout(bytes, signal)
}
