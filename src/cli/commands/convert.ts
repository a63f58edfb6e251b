/** `diffwave convert`: a PyTorch checkpoint → a model folder. */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath } from '../../core/files.js'
import { defineCommand } from '../command.js'
import { findInput } from '../inputs.js'
import { force, real, requiredText, whole } from '../options.js'

const BARE = 'Checkpoints without a config'

export const command = defineCommand({
  name: 'convert',
  summary: 'Model folder from a PyTorch checkpoint',
  details: [
    'Checkpoints of lmnt-com/diffwave (.pt) and philsyn/DiffWave-Vocoder (.pkl) are read. Nothing in them is executed.',
  ],
  group: 'Mels and models',
  arguments: [{ name: 'checkpoint', description: 'checkpoint file' }],
  options: {
    output: requiredText('-o, --output <folder>', 'model folder to write'),
    force,
    dilationCycle: whole('--dilation-cycle <n>', 'layers until the dilation starts over at 1', { group: BARE }),
    diffusionSteps: whole('--diffusion-steps <n>', 'steps of the training noise schedule', { group: BARE }),
    betaStart: real('--beta-start <β>', 'first β of the training noise schedule', { group: BARE }),
    betaEnd: real('--beta-end <β>', 'last β of the training noise schedule', { group: BARE }),
  },
  examples: ['diffwave convert weights.pt -o my-model'],
  run: async (context, [checkpoint], options) => {
    const { output, force, ...hints } = options
    if (!force && (await kindOfPath(output)) !== 'missing') {
      throw new DiffWaveError('BAD_OPTION', 'the model folder exists already', {
        where: output,
        hint: 'Use --force to write into it.',
      })
    }
    const [{ writeModelFolder }, { parameterCount }, { readModel }] = await Promise.all([
      import('../../model/folder.js'),
      import('../../model/parameters.js'),
      import('../../model/read-model.js'),
    ])
    const input = await findInput(checkpoint!, context.signal)
    const { config, parameters, source } = await readModel(input.path, defined(hints))
    await writeModelFolder(output, { config, parameters })
    const count = parameterCount(config.network)
    context.result(`${output}: ${config.kind} from ${source}, ${(count / 1e6).toFixed(2)} M parameters`, {
      input: input.name,
      output,
      source,
      kind: config.kind,
      parameters: count,
    })
  },
})
