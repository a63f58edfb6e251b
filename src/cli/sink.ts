/** Where one result's audio goes: a file, or standard output as a pipe. */
import { type WavStreamOptions, wavBytes, writeWavStream } from '../audio/codecs/wav-stream.js'
import { DiffWaveError } from '../core/errors.js'
import type { AudioStream } from '../synthesis/options.js'

/** Name of standard output as an output. */
export const STDOUT = '-'

/** Refuses what a pipe cannot do, before any work starts. @throws DiffWaveError `BAD_OPTION` */
export function checkStdout(results: number, options: { readonly picture?: boolean }): void {
  const refuse = (problem: string, hint: string): never => {
    throw new DiffWaveError('BAD_OPTION', problem, { where: '--stdout', hint })
  }
  if (results > 1) refuse(`${results} results cannot go to one pipe`, 'Name a folder with -o to write a file for each.')
  if (options.picture) refuse('a picture needs a file to lie beside', 'Leave out --picture, or name a file with -o.')
  if (process.stdout.isTTY) {
    refuse('audio is not written to a terminal', 'Pipe it: diffwave synthesize mel.npy --stdout | aplay')
  }
}

/** The output that `-o` and `--stdout` name together. @throws DiffWaveError `BAD_OPTION` where it is none, or two */
export function chosenOutput({ output, stdout }: { readonly output?: string; readonly stdout?: boolean }): string {
  if ((output === undefined) === (stdout !== true)) {
    throw new DiffWaveError('BAD_OPTION', 'where the audio goes is not clear', {
      expected: '-o <path> or --stdout',
      got: output === undefined ? 'neither' : 'both',
    })
  }
  return output ?? STDOUT
}

/** Writes audio as it comes. A reader that goes away ends the process quietly (`main.ts`). */
export async function writeAudioTo(output: string, audio: AudioStream, options: WavStreamOptions): Promise<void> {
  if (output !== STDOUT) {
    await writeWavStream(output, audio, options)
    return
  }
  for await (const bytes of wavBytes(audio, options)) {
    await new Promise<void>(resolve => process.stdout.write(bytes, () => resolve()))
  }
}
