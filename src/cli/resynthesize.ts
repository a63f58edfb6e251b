/** `diffwave resynthesize`: recordings to their mels and back. */
import { readWav } from '../audio/wav.js'
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

export const addResynthesize: AddCommand = (program, run) => {
  withSampling(withModel(program.command('resynthesize <wav...>')))
    .description('recordings → mel → WAV: what the model makes of them')
    .requiredOption('-o, --output <path>', 'a .wav file, or a folder for several')
    .action(async (wavs: string[], options: ModelOptions & SamplingOptions & { output: string }) => {
      const { context, debug } = run()
      const jobs = await planOutputs(wavs, options.output, ['.wav'])
      const vocoder = await Vocoder.load(options.model, loadOptions(options))
      try {
        await eachInput(context, jobs, debug, async ({ input, output }, index) => {
          const audio = await readWav(input)
          if (audio.sampleRate !== vocoder.sampleRate) {
            context.note(`${input} was resampled from ${audio.sampleRate} to ${vocoder.sampleRate} Hz`)
          }
          const sampling = samplingOptions(options)
          const start = performance.now()
          const synthesis = await context.withProgress(input, report =>
            vocoder.resynthesize(audio, {
              ...sampling,
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
          })
        })
      } finally {
        await vocoder.dispose()
      }
    })
}
