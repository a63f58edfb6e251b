/** What `synthesize` and `resynthesize` share: files through a vocoder into WAVs, one line each. */
import type { Command } from 'commander'
import type { Synthesis } from '../synthesis-options.js'
import { type BatchOptions, Vocoder } from '../vocoder.js'
import {
  loadOptions,
  type ModelOptions,
  type SamplingOptions,
  samplingOptions,
  withModel,
  withSampling,
} from './arguments.js'
import type { Run } from './command.js'
import type { Context } from './context.js'
import { eachInput } from './each-input.js'
import { planOutputs } from './outputs.js'
import { writeAudio } from './write-audio.js'

/** One input, read and checked, ready to be vocoded. */
export interface Prepared {
  readonly synthesize: (options: BatchOptions) => Promise<Synthesis>
  /** What its line of JSON should say besides. */
  readonly extra?: Readonly<Record<string, unknown>>
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
  withSampling(withModel(command))
    .requiredOption('-o, --output <path>', 'a .wav file, or a folder for several')
    .action(async (inputs: string[], options: ModelOptions & SamplingOptions & { output: string }) => {
      const { context, debug } = run()
      const jobs = await planOutputs(inputs, options.output, ['.wav'])
      const vocoder = await Vocoder.load(options.model, loadOptions(options))
      try {
        await eachInput(context, jobs, debug, async ({ input, output }, index) => {
          const { synthesize, extra } = await prepare(vocoder, input, context)
          const sampling = samplingOptions(options)
          const start = performance.now()
          const synthesis = await context.withProgress(input, report =>
            synthesize({
              ...sampling,
              // Clip i has the seed plus i, as in the library's batches.
              ...(sampling.seed === undefined ? {} : { seed: sampling.seed + index }),
              signal: context.signal,
              onProgress: ({ done, total }) => report(total === null ? 0 : done / total),
            }),
          )
          await writeAudio(context, vocoder.model, {
            input,
            output,
            synthesis,
            elapsed: (performance.now() - start) / 1000,
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
