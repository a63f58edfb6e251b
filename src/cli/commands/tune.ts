import { defineCommand } from '../command.js'
import type { OptionSpec } from '../option-spec.js'
import {
  DEFAULT_VOCODER,
  flag,
  forceFolder,
  integer,
  modelOptions,
  number,
  parseInteger,
  samplingOptions,
  spacesHint,
  text,
} from '../options.js'

const steps: OptionSpec<readonly number[]> = {
  flags: '--steps <n...>',
  description: 'numbers of steps to tune for, separated by spaces',
  required: true,
  parse: (text, before) => [...(before ?? []), parseInteger(text, '--steps', spacesHint(text, '--steps'))],
}

const options = {
  steps,
  output: text('-o, --output <folder>', 'folder for a copy of the model with the schedules', {
    default: 'the model’s own folder is changed',
  }),
  force: forceFolder,
  ...modelOptions(DEFAULT_VOCODER),
  sampler: { ...samplingOptions.sampler, default: 'the best' },
  evaluations: integer('--evaluations <n>', 'maximum number of schedules to try per number of steps, at least 4', {
    default: '60',
  }),
  seconds: number('--seconds <s>', 'seconds of each recording to use', { default: '2' }),
  seed: integer('--seed <n>', 'seed of the noise', { default: '1' }),
  dryRun: flag('--dry-run', 'print the results, and write nothing'),
}

export const command = defineCommand({
  name: 'tune',
  summary: 'Find better noise schedules for few steps, using recordings',
  details: [
    'The best schedules are written into the model’s config. Shipped models are never changed: -o writes a copy.',
  ],
  guide: 'evaluation',
  group: 'Train and evaluate',
  arguments: [
    {
      name: 'recording',
      description: 'recordings, or folders of them: about ten seconds in all',
      variadic: true,
    },
  ],
  options,
  examples: ['diffwave tune held-out -m runs/voice/model --steps 4 6'],
})
