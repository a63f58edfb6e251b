import { type Gap, parseGap } from '../../audio/gap.js'
import { defineCommand } from '../command.js'
import { shard } from '../inputs/shard.js'
import type { OptionSpec } from '../option-spec.js'
import {
  DEFAULT_VOCODER,
  integer,
  modelOptions,
  number,
  outputOptions,
  samplingOptions,
  spacesHint,
  text,
} from '../options.js'

const gaps: OptionSpec<readonly Gap[]> = {
  flags: '--gaps <start-end...>',
  description: 'gaps to fill, in seconds, separated by spaces: 1.2-1.25 3-3.1',
  required: true,
  parse: (text, before) => [...(before ?? []), parseGap(text, '--gaps', spacesHint(text, '--gaps'))],
}

export const command = defineCommand({
  name: 'inpaint',
  summary: 'Fill gaps in recordings',
  details: [
    'Outside the gaps a recording stays as it is, except for a short fade at the edges. If its sample rate is not ' +
      'the model’s, only what fills the gaps is resampled.',
  ],
  guide: 'repair',
  group: 'Repair recordings',
  arguments: [
    { name: 'recording', description: 'recordings, folders of them, or - for standard input', variadic: true },
  ],
  options: {
    gaps,
    ...outputOptions,
    ...modelOptions(DEFAULT_VOCODER),
    ...samplingOptions,
    rounds: integer('--rounds <n>', 'passes per noise level: more passes join the edges better', { default: '4' }),
    fade: number('--fade <s>', 'length of the fade at the edges of a gap, in seconds', { default: '0.002' }),
    label: text('--label <name>', 'voice or class, for models with labels'),
    shard,
  },
  examples: ['diffwave inpaint take.wav -o whole.wav --gaps 1.20-1.25'],
})
