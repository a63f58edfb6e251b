import { defineCommand } from '../command.js'
import { shard } from '../inputs/shard.js'
import { DEFAULT_GENERATOR, integer, modelOptions, number, outputOptions, samplingOptions, texts } from '../options.js'

const options = {
  ...outputOptions,
  ...modelOptions(DEFAULT_GENERATOR),
  count: integer('-n, --count <n>', 'number of clips', { default: 'one, or one per label' }),
  seconds: number('--seconds <s>', 'length of a clip in seconds', { default: 'the model’s' }),
  label: texts('--label <names...>', 'classes that the model was trained on, separated by spaces, taken in turn'),
  guidance: number(
    '--guidance <w>',
    'weight of classifier-free guidance, 0 for none: larger values follow the label more closely',
  ),
  ...samplingOptions,
  shard: {
    ...shard,
    description: 'make only shard i of n of the clips, counted from 0: for job arrays on a cluster',
  },
}
export const command = defineCommand({
  name: 'generate',
  summary: 'Generate clips from noise, with or without a label',
  group: 'Make audio',
  arguments: [],
  options,
  examples: ['diffwave generate -o clip.wav', 'diffwave generate -o clips --count 4 --seconds 2'],
})
