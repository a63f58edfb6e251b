/** `diffwave convert`: a PyTorch checkpoint → a model folder. */
import { conventionChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import { findInput } from '../inputs.js'
import { choice, force, real, requiredText, whole } from '../options.js'

const BARE = 'What a checkpoint does not state'

export const command = defineCommand({
  name: 'convert',
  summary: 'Model folder from a PyTorch checkpoint',
  details: [
    'Checkpoints of lmnt-com/diffwave, Amphion’s DiffWave and philsyn/DiffWave-Vocoder are read, as .pt, .pkl, .ckpt ' +
      'or .safetensors. Nothing in a pickle is executed. Options win over what a checkpoint states.',
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
    sampleRate: whole('--sample-rate <Hz>', 'sample rate', { group: BARE }),
    convention: choice('--convention <name>', 'mel convention', conventionChoices, { group: BARE }),
  },
  examples: ['diffwave convert weights.pt -o my-model'],
  run: async (context, [checkpoint], options) => {
    const { output, force, ...hints } = options
    const [{ convert }, { parameterCount }] = await Promise.all([
      import('../../model/convert.js'),
      import('../../model/parameters.js'),
    ])
    const input = await findInput(checkpoint!, context.signal)
    const { config, source, notes } = await convert(input.path, output, { ...hints, force })
    for (const note of notes) context.note(note)
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
