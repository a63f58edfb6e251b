/** `diffwave denoise`: noise taken out of recordings by a generator. */
import { readAudio } from '../../audio/codecs/decode.js'
import { Generator } from '../../generator.js'
import { loadOptions, realNumber, samplingOptions, withModel, withOutput, withSampling } from '../arguments.js'
import type { AddCommand } from '../command.js'
import { type RepairOptions, repairFiles } from '../repair-files.js'
import { wholeSteps } from './interpolate.js'

interface DenoiseOptions extends RepairOptions {
  readonly snr?: number
  readonly noise?: number
  readonly step?: number
}

export const addDenoise: AddCommand = (program, run) => {
  withOutput(withSampling(withModel(program.command('denoise <recording...>'))))
    .description('take noise out of recordings, with a generator of such sounds')
    .option('--snr <dB>', 'signal-to-noise ratio of the recordings; estimated where nothing is said', realNumber)
    .option('--noise <rms>', 'root mean square of their noise, full scale being 1', realNumber)
    .option('--step <t>', 'the training step to start at', realNumber)
    .option('--label <name>', 'a class the model was trained on')
    .action(async (inputs: string[], options: DenoiseOptions) => {
      const { snr, noise, step, label } = options
      const sampling = wholeSteps(samplingOptions(options))
      await repairFiles(run(), inputs, options, async () => {
        const generator = await Generator.load(options.model, loadOptions(options))
        return {
          model: generator.model,
          repair: async (input, more) =>
            generator.denoise(await readAudio(input), {
              ...sampling,
              ...(snr === undefined ? {} : { snr }),
              ...(noise === undefined ? {} : { noise }),
              ...(step === undefined ? {} : { step }),
              ...(label === undefined ? {} : { label }),
              ...more,
            }),
        }
      })
    })
}
