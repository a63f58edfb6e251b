import { melLogChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import { choice, melFileOptions, text, vocodeOptions } from '../options.js'

const FOREIGN = 'Mels of other toolkits'

const foreignOptions = {
  melLog: choice('--mel-log <log>', 'logarithm of the mels', melLogChoices, { default: 'the model’s', group: FOREIGN }),
  melStats: text('--mel-stats <file>', 'mean and standard deviation per band by which the mels were normalised', {
    group: FOREIGN,
  }),
  ...melFileOptions(FOREIGN),
}

export const command = defineCommand({
  name: 'synthesize',
  summary: 'Make audio from mel spectrograms',
  details: [
    'The mel must follow the model’s mel convention. `diffwave inspect` prints the convention of a model, and those ' +
      'that a mel may follow. --mel-log and --mel-stats convert another logarithm and normalisation. Another hop, ' +
      'rate or filter bank cannot be converted.',
    'A file may contain a batch [mels × bands × frames]: batch.npy becomes batch-0.wav, batch-1.wav and so on in the ' +
      'folder that -o names.',
  ],
  guide: 'mel-spectrograms',
  group: 'Make audio',
  arguments: [
    {
      name: 'mel',
      description: 'mel spectrograms (.npy, .npz, .pt, .safetensors), folders of them, or - for standard input',
      variadic: true,
    },
  ],
  options: { ...vocodeOptions, ...foreignOptions },
  examples: [
    'diffwave synthesize mel.npy -o speech.wav --steps 6 --seed 1',
    'diffwave synthesize mel.npy --stdout | aplay',
  ],
})
