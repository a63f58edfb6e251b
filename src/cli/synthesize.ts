/** `diffwave synthesize`: mels in, WAVs out. */
import { readMel } from '../formats/mel-file.js'
import { Vocoder } from '../vocoder.js'
import {
  loadOptions,
  type ModelOptions,
  type SamplingOptions,
  samplingOptions,
  withModel,
  withSampling,
} from './arguments.js'
import type { AddCommand } from './command.js'
import { eachInput } from './each-input.js'
import { planOutputs } from './outputs.js'
import { writeAudio } from './write-audio.js'

export const addSynthesize: AddCommand = (program, run) => {
  withSampling(withModel(program.command('synthesize <mel...>')))
    .description('mel spectrograms (.npy, .pt, .safetensors) → WAV')
    .requiredOption('-o, --output <path>', 'a .wav file, or a folder for several')
    .action(async (mels: string[], options: ModelOptions & SamplingOptions & { output: string }) => {
      const { context, debug } = run()
      const jobs = await planOutputs(mels, options.output, ['.wav'])
      const vocoder = await Vocoder.load(options.model, loadOptions(options))
      try {
        await eachInput(context, jobs, debug, async ({ input, output }, index) => {
          const { mel, transposed } = await readMel(input, vocoder.config.mel!.bands)
          if (transposed) context.note(`${input} is [frames × bands]; it was turned`)
          const sampling = samplingOptions(options)
          const start = performance.now()
          const synthesis = await context.withProgress(input, report =>
            vocoder.synthesize(mel, {
              ...sampling,
              // Clip i has the seed plus i, as in the library's batches.
              ...(sampling.seed === undefined ? {} : { seed: sampling.seed + index }),
              signal: context.signal,
              onProgress: ({ done, total }) => report(total === null ? 0 : done / total),
            }),
          )
          const elapsed = (performance.now() - start) / 1000
          await writeAudio(context, vocoder.model, {
            input,
            output,
            synthesis,
            elapsed,
            format: options.format,
            picture: options.picture ?? false,
            extra: { transposed },
          })
        })
      } finally {
        await vocoder.dispose()
      }
    })
}
