/** `diffwave convert`: a PyTorch checkpoint → a model folder. */
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath } from '../../core/files.js'
import { writeModelFolder } from '../../model/folder.js'
import { parameterCount } from '../../model/parameters.js'
import { readModel } from '../../model/read-model.js'
import { realNumber, wholeNumber } from '../arguments.js'
import type { AddCommand } from '../command.js'

interface ConvertOptions {
  readonly output: string
  readonly force?: boolean
  readonly dilationCycle?: number
  readonly diffusionSteps?: number
  readonly betaStart?: number
  readonly betaEnd?: number
}

export const addConvert: AddCommand = (program, run) => {
  program
    .command('convert <checkpoint>')
    .description('a PyTorch checkpoint of lmnt-com/diffwave or philsyn/DiffWave-Vocoder → a model folder')
    .requiredOption('-o, --output <folder>', 'the model folder to write')
    .option('--force', 'write into a folder that is there already')
    .option('--dilation-cycle <n>', 'for a .pkl without its config.json', wholeNumber)
    .option('--diffusion-steps <n>', 'likewise: steps of its training schedule', wholeNumber)
    .option('--beta-start <β>', 'likewise: first β', realNumber)
    .option('--beta-end <β>', 'likewise: last β', realNumber)
    .action(async (checkpoint: string, options: ConvertOptions) => {
      const { context } = run()
      const { output, force = false, ...hints } = options
      if (!force && (await kindOfPath(output)) !== 'missing') {
        throw new DiffWaveError('BAD_OPTION', 'the model folder is there already', {
          where: output,
          hint: '--force writes into it.',
        })
      }
      const { config, parameters, source } = await readModel(checkpoint, hints)
      await writeModelFolder(output, { config, parameters })
      const count = parameterCount(config.network)
      context.result(`${output}: ${config.kind} from ${source}, ${(count / 1e6).toFixed(2)} M parameters`, {
        input: checkpoint,
        output,
        source,
        kind: config.kind,
        parameters: count,
      })
    })
}
