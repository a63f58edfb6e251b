/** `diffwave inpaint`: gaps of recordings filled, by a vocoder or a generator. */
import { InvalidArgumentError } from 'commander'
import { readAudio } from '../../audio/codecs/decode.js'
import { loadModel } from '../../denoiser/load-model.js'
import { Generator } from '../../generator.js'
import { Vocoder } from '../../vocoder.js'
import {
  loadOptions,
  realNumber,
  samplingOptions,
  wholeNumber,
  withModel,
  withOutput,
  withSampling,
} from '../arguments.js'
import type { AddCommand } from '../command.js'
import { type RepairOptions, repairFiles } from '../repair-files.js'

interface Gap {
  readonly start: number
  readonly end: number
}

interface InpaintOptions extends RepairOptions {
  readonly gaps: readonly Gap[]
  readonly rounds?: number
  readonly fade?: number
}

/** `1.2-1.25`, in seconds. */
function gap(text: string, before: readonly Gap[] | undefined): readonly Gap[] {
  const [, start, end] = /^(\d*\.?\d+)-(\d*\.?\d+)$/.exec(text) ?? []
  if (start === undefined || end === undefined) throw new InvalidArgumentError('Not start-end in seconds, as 1.2-1.25.')
  return [...(before ?? []), { start: Number(start), end: Number(end) }]
}

export const addInpaint: AddCommand = (program, run) => {
  withOutput(withSampling(withModel(program.command('inpaint <recording...>'))))
    .description('fill gaps of recordings so that both sides join')
    .requiredOption('--gaps <start-end...>', 'what is lost, in seconds, as 1.2-1.25', gap)
    .option('--rounds <n>', 'passes at each noise level: more join better', wholeNumber)
    .option('--fade <s>', 'seconds over which the recording fades into what was made', realNumber)
    .option('--label <name>', 'a voice or class the model was trained on')
    .action(async (inputs: string[], options: InpaintOptions) => {
      const { gaps, rounds, fade, label } = options
      await repairFiles(run(), inputs, options, async () => {
        const model = await loadModel(options.model, loadOptions(options))
        const repairer = model.config.kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
        return {
          model,
          repair: async (input, more) =>
            repairer.inpaint(await readAudio(input), {
              ...samplingOptions(options),
              gaps: [...gaps],
              ...(rounds === undefined ? {} : { rounds }),
              ...(fade === undefined ? {} : { fade }),
              ...(label === undefined ? {} : { label }),
              ...more,
            }),
        }
      })
    })
}
