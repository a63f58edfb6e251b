import { conventionChoices, melLogChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import { shard } from '../inputs/shard.js'
import { choice, force, melFileOptions, requiredText, text } from '../options.js'

const names = `${conventionChoices.join(', ')}, or a JSON file that describes one`
const FOREIGN = 'Mels for another toolkit'
const MELS = 'Mels as inputs'

const options = {
  output: requiredText(
    '-o, --output <path>',
    'a .npy or .safetensors file, a folder for several, or - for standard output',
  ),
  convention: text('--convention <name>', `mel convention: ${names}`, { conflicts: 'model' }),
  model: text('-m, --model <model>', 'model whose mel convention to use'),
  melLog: choice('--mel-log <log>', 'logarithm to write', melLogChoices, {
    default: 'the convention’s',
    group: FOREIGN,
  }),
  melStats: text('--mel-stats <file>', 'mean and standard deviation per band to normalise by', { group: FOREIGN }),
  from: text('--from <name>', `convention of mels to convert: ${names}`, {
    default: 'that of the output',
    group: MELS,
  }),
  fromLog: choice('--from-log <log>', 'logarithm of the mels to convert', melLogChoices, { group: MELS }),
  fromStats: text('--from-stats <file>', 'mean and standard deviation per band of the mels to convert', {
    group: MELS,
  }),
  ...melFileOptions(MELS),
  shard,
  force,
}

export const command = defineCommand({
  name: 'mel',
  summary: 'Compute mel spectrograms of recordings, or convert mels',
  guide: 'mel-spectrograms',
  group: 'Mels and models',
  arguments: [
    {
      name: 'recording',
      description: 'recordings (mels with --from…), folders of them, or - for standard input',
      variadic: true,
    },
  ],
  options,
  details: [
    'With --from, --from-log or --from-stats, the inputs are mels to convert. Only exact conversions are made: ' +
      'another logarithm or normalisation, other norms of filters and window, and a hop that is a multiple of the ' +
      'old one. Other mels are refused.',
  ],
  examples: [
    'diffwave mel recording.wav -o recording.npy --model speech',
    'diffwave mel recording.wav -o espnet.npy --convention tacotron2 --mel-log log10 --mel-stats stats.npy',
    'diffwave mel espnet.npy -o own.npy --model speech --from-log log10 --from-stats stats.npy',
  ],
})
