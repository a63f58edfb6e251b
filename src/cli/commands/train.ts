import { engineChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import { choice, flag, integer, number, requiredText, requiredTexts, text, threads } from '../options.js'

export const command = defineCommand({
  name: 'train',
  summary: 'Train a model on folders of recordings',
  guide: 'training',
  group: 'Train and evaluate',
  arguments: [
    {
      name: 'config',
      description:
        'training config: a .json file, or a shipped model whose config to use; with --from, to fine-tune it',
    },
  ],
  options: {
    data: requiredTexts('--data <dir...>', 'folders of recordings: WAV, FLAC, MP3 or Ogg'),
    mel: text('--mel <dir>', 'folder of predicted mels, one .npy per recording', { default: 'computed' }),
    out: requiredText('--out <dir>', 'folder for checkpoint, log and model'),
    resume: flag('--resume', 'continue the run in --out from its checkpoint'),
    finish: flag('--finish', 'continue the run in --out, lower its learning rate over decaySteps, and end it'),
    maxSteps: integer('--max-steps <n>', 'stop after this number of updates in total'),
    maxHours: number('--max-hours <h>', 'stop after this number of hours'),
    from: text('--from <model>', 'model whose weights to start from'),
    engine: choice('--engine <engine>', 'engine to use instead of the config’s', engineChoices),
    threads,
  },
  examples: [
    'diffwave train train.json --data recordings --out runs/voice',
    'diffwave train speech --from speech --data recordings --out runs/voice',
  ],
})
