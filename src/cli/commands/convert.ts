import { conventionChoices, melLogChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import { choice, forceFolder, integer, number, requiredText, text } from '../options.js'

const BARE = 'Facts that a checkpoint may not state'

export const command = defineCommand({
  name: 'convert',
  summary: 'Convert a PyTorch checkpoint to a model folder',
  details: [
    'Reads checkpoints of lmnt-com/diffwave, Amphion’s DiffWave and philsyn/DiffWave-Vocoder: .pt, .pkl, .ckpt or ' +
      '.safetensors. Nothing in a pickle is executed. Options override what a checkpoint states.',
  ],
  guide: 'models',
  group: 'Mels and models',
  arguments: [{ name: 'checkpoint', description: 'checkpoint file, its URL or hf:owner/name/file' }],
  options: {
    output: requiredText('-o, --output <folder>', 'model folder to write'),
    force: forceFolder,
    dilationCycle: integer('--dilation-cycle <n>', 'number of layers after which the dilation starts at 1 again', {
      group: BARE,
    }),
    diffusionSteps: integer('--diffusion-steps <n>', 'number of steps of the training noise schedule', { group: BARE }),
    betaStart: number('--beta-start <β>', 'first β of the training noise schedule', { group: BARE }),
    betaEnd: number('--beta-end <β>', 'last β of the training noise schedule', { group: BARE }),
    sampleRate: integer('--sample-rate <Hz>', 'sample rate', { group: BARE }),
    convention: choice('--convention <name>', 'mel convention', conventionChoices, { group: BARE }),
    melLog: choice('--mel-log <log>', 'logarithm of the model’s mels', melLogChoices, {
      default: 'the convention’s',
      group: BARE,
    }),
    melStats: text(
      '--mel-stats <file>',
      'mean and standard deviation per band by which the model’s mels are normalised',
      { group: BARE },
    ),
  },
  examples: [
    'diffwave convert weights.pt -o my-model',
    'diffwave convert weights.pt -o my-model --convention tacotron2 --mel-log log10 --mel-stats stats.npy',
  ],
})
