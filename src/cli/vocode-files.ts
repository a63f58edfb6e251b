/** What `synthesize` and `resynthesize` share: files through a vocoder into WAVs or a pipe, one line each. */
import type { Command } from 'commander'
import type { AudioStream } from '../synthesis/options.js'
import { type StreamOptions, Vocoder } from '../vocoder.js'
import {
  loadOptions,
  type ModelOptions,
  type OutputOptions,
  type SamplingOptions,
  samplingOptions,
  wholeNumber,
  withModel,
  withOutput,
  withSampling,
} from './arguments.js'
import type { Run } from './command.js'
import type { Context } from './context.js'
import { eachInput } from './each-input.js'
import { planOutputs } from './outputs.js'
import { checkStdout, chosenOutput, STDOUT } from './sink.js'
import { writeAudio } from './write-audio.js'

/** Samples fed at a time into a file: a third of a second at 22,050 Hz runs some tenths faster than a stream's fewer. */
const FILE_CHUNK = 8192

/** One input, read and checked, ready to be vocoded. */
export interface Prepared {
  readonly stream: (options: StreamOptions) => AudioStream
  /** What its line of JSON should say besides. */
  readonly extra?: Readonly<Record<string, unknown>>
}

interface VocodeOptions extends ModelOptions, SamplingOptions, OutputOptions {
  readonly chunkFrames?: number
  readonly refine?: number
}

/**
 * Makes `command` vocode its files.
 *
 * @param prepare reads one input; what it does is not counted as time of synthesis
 */
export function vocodeFiles(
  command: Command,
  run: () => Run,
  prepare: (vocoder: Vocoder, input: string, context: Context) => Promise<Prepared>,
): void {
  withOutput(withSampling(withModel(command)))
    .option('--refine <iterations>', 'of phase refinement; 0: none (default: the model’s)', wholeNumber)
    .option('--chunk-frames <n>', 'mel frames at a time: few sound sooner, many run faster', wholeNumber)
    .action(async (inputs: string[], options: VocodeOptions) => {
      const { context, debug } = run()
      const output = chosenOutput(options)
      if (output === STDOUT) checkStdout(inputs.length, options)
      const jobs =
        output === STDOUT ? inputs.map(input => ({ input, output })) : await planOutputs(inputs, output, ['.wav'])
      const vocoder = await Vocoder.load(options.model, loadOptions(options))
      const atOnce = output === STDOUT ? undefined : Math.max(1, Math.round(FILE_CHUNK / vocoder.config.mel!.hop))
      const chunkFrames = options.chunkFrames ?? atOnce
      try {
        await eachInput(context, jobs, debug, async ({ input, output }, index) => {
          const { stream, extra } = await prepare(vocoder, input, context)
          const sampling = samplingOptions(options)
          await writeAudio(context, vocoder.model, {
            input,
            output,
            open: onProgress =>
              stream({
                ...sampling,
                // Clip i has the seed plus i, as in the library's batches.
                ...(sampling.seed === undefined ? {} : { seed: sampling.seed + index }),
                ...(options.refine === undefined ? {} : { refine: options.refine }),
                ...(chunkFrames === undefined ? {} : { chunkFrames }),
                signal: context.signal,
                onProgress,
              }),
            format: options.format,
            picture: options.picture ?? false,
            ...(extra === undefined ? {} : { extra }),
          })
        })
      } finally {
        await vocoder.dispose()
      }
    })
}
