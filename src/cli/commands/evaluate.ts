import { defineCommand } from '../command.js'
import type { Values } from '../option-spec.js'
import {
  DEFAULT_VOCODER,
  flag,
  force,
  integer,
  modelOptions,
  number,
  refine,
  requiredText,
  samplingOptions,
  text,
  texts,
} from '../options.js'

const ofVocoders = { group: 'Vocoders' }
const ofGenerators = { group: 'Generators' }

const options = {
  reference: requiredText(
    '--reference <dir>',
    'folder of recordings; for a generator, recordings held out of training',
  ),
  output: text('-o, --output <report.html>', 'report with spectrograms and sound'),
  force,
  generated: texts('--generated <dir...>', 'folders of audio made earlier; no model runs unless -m is given'),
  ...modelOptions(DEFAULT_VOCODER),
  ...samplingOptions,
  label: text('--label <name>', 'label, for models that have them', { default: 'all in turn for a generator' }),
  mel: text('--mel <dir>', 'folder of the recordings’ mels', { default: 'computed', ...ofVocoders }),
  limit: integer('--limit <n>', 'number of files to evaluate, in order of name', { default: 'all', ...ofVocoders }),
  refine: { ...refine, ...ofVocoders },
  baseline: flag('--no-baseline', 'leave out the Griffin-Lim baseline', ofVocoders),
  ablation: flag('--no-ablation', 'leave out the results without the network and without refinement', ofVocoders),
  training: text(
    '--training <dir>',
    'folder of training clips, to measure memorisation and label accuracy',
    ofGenerators,
  ),
  count: integer('-n, --count <n>', 'number of clips to generate', { default: '500', ...ofGenerators }),
  seconds: number('--seconds <s>', 'length of a clip in seconds', { default: 'the model’s', ...ofGenerators }),
  guidance: number('--guidance <w>', 'weight of classifier-free guidance', { default: 'the model’s', ...ofGenerators }),
}

export const command = defineCommand({
  name: 'evaluate',
  summary: 'Measure how close the sound of a model comes to recordings',
  details: [
    'A vocoder is measured three times: as shipped, with its last layer zeroed, and without phase refinement. The ' +
      'difference between the first two is what the network contributes.',
  ],
  guide: 'evaluation',
  group: 'Train and evaluate',
  arguments: [],
  options,
  examples: [
    'diffwave evaluate -m runs/voice/model --reference held-out -o report.html',
    'diffwave evaluate -m music --reference held-out --training recordings',
  ],
})

export type EvaluateOptions = Values<typeof command.options>
