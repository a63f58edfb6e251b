/** `diffwave inpaint`: gaps of recordings filled, by a vocoder or a generator. */
import { type Gap, parseGap } from '../../audio/gap.js'
import { defined } from '../../core/defined.js'
import { defineCommand, type OptionSpec } from '../command.js'
import { findInputs, recordings } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { shard } from '../inputs/shard.js'
import { DEFAULT_VOCODER } from '../load.js'
import {
  integer,
  modelOptions,
  number,
  outputOptions,
  sampling,
  samplingOptions,
  spacesHint,
  text,
} from '../options.js'
import { repairFiles } from '../repair-files.js'

const gaps: OptionSpec<readonly Gap[]> = {
  flags: '--gaps <start-end...>',
  description: 'gaps to fill, in seconds, separated by spaces: 1.2-1.25 3-3.1',
  required: true,
  parse: (text, before) => [...(before ?? []), parseGap(text, '--gaps', spacesHint(text, '--gaps'))],
}

export const command = defineCommand({
  name: 'inpaint',
  summary: 'Fill gaps in recordings',
  details: ['Outside the gaps a recording stays as it is, except for a short fade at the edges.'],
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
    rounds: integer('--rounds <n>', 'passes per noise level: more passes join the edges better (default: 4)'),
    fade: number('--fade <s>', 'length of the fade at the edges of a gap, in seconds (default: 0.002)'),
    label: text('--label <name>', 'voice or class, for models that have labels'),
    shard,
  },
  examples: ['diffwave inpaint take.wav -o whole.wav --gaps 1.20-1.25'],
  run: async (context, words, options) => {
    const { gaps, rounds, fade, label } = options
    await repairFiles(context, options, {
      inputs: await findInputs(words, recordings, context.signal),
      fallback: DEFAULT_VOCODER,
      preparer: async model => {
        const [{ Generator }, { Vocoder }] = await Promise.all([
          import('../../generator.js'),
          import('../../vocoder.js'),
        ])
        const repairer = model.config.kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
        const more = { ...sampling(options), gaps: [...gaps], ...defined({ rounds, fade, label }) }
        return async input => {
          const audio = await readRecording(context, input)
          noteConversion(context, input.name, audio, audio.sampleRate)
          return run => repairer.inpaint(audio, { ...more, ...run })
        }
      },
    })
  },
})
