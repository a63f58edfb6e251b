/** `diffwave interpolate`: a recording between two. */
import { readAudio } from '../../audio/codecs/decode.js'
import { DiffWaveError } from '../../core/errors.js'
import { Generator } from '../../generator.js'
import { loadOptions, realNumber, samplingOptions, withModel, withOutput, withSampling } from '../arguments.js'
import type { AddCommand } from '../command.js'
import { type RepairOptions, repairFiles } from '../repair-files.js'

interface InterpolateOptions extends RepairOptions {
  readonly mix?: number
  readonly step?: number
}

/** Sampling options of a process that starts at a level of its own: no schedule has a name there. @throws DiffWaveError `BAD_OPTION` */
export function wholeSteps<Options extends { readonly steps?: number | string }>(
  options: Options,
): Omit<Options, 'steps'> & { readonly steps?: number } {
  const { steps, ...rest } = options
  if (typeof steps === 'string') {
    throw new DiffWaveError('BAD_OPTION', 'a schedule starts at a level of its own', {
      expected: 'a number of steps',
      got: steps,
      where: '--steps',
    })
  }
  return steps === undefined ? rest : { ...rest, steps }
}

export const addInterpolate: AddCommand = (program, run) => {
  withOutput(withSampling(withModel(program.command('interpolate <first> <second>'))))
    .description('a recording between two of one length, with a generator of such sounds')
    .option('--mix <share>', '0 is the first, 1 the second; default 0.5', realNumber)
    .option('--step <t>', 'the training step to mix at: early keeps both, late makes something new', realNumber)
    .option('--label <name>', 'a class the model was trained on')
    .action(async (first: string, second: string, options: InterpolateOptions) => {
      const { mix, step, label } = options
      const sampling = wholeSteps(samplingOptions(options))
      await repairFiles(run(), [first], options, async () => {
        const generator = await Generator.load(options.model, loadOptions(options))
        return {
          model: generator.model,
          repair: async (input, more) =>
            generator.interpolate(await readAudio(input), await readAudio(second), {
              ...sampling,
              ...(mix === undefined ? {} : { mix }),
              ...(step === undefined ? {} : { step }),
              ...(label === undefined ? {} : { label }),
              ...more,
            }),
        }
      })
    })
}
