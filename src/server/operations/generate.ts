/** Clips from noise alone, or from a label. */
import { z } from 'zod'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_GUIDANCE } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import { Generator } from '../../generator.js'
import { clipSamples, type ModelConfig } from '../../model/config.js'
import { MAX_JOB_CLIPS } from '../limits.js'
import { chosenModel } from './chosen-model.js'
import { defineOperation } from './operation.js'
import { format, label, model, sampling } from './options.js'
import { streamWav, writeWhole } from './wav-output.js'
import { withModel } from './with-model.js'

/** What to make. */
export const clipOptions = {
  seconds: z.number().positive().optional().describe('Length of a clip in seconds. Default: the model’s.'),
  label,
  guidance: z
    .number()
    .min(0)
    .max(MAX_GUIDANCE)
    .optional()
    .describe(
      'Classifier-free guidance: 0 for none, larger values follow the label more closely. Default: the model’s.',
    ),
} as const

/**
 * Checks the length of the clips that a generator is to make.
 *
 * @param seconds of a clip. Default: the model's
 * @param maxSeconds of all clips together
 * @throws DiffWaveError `TOO_LARGE`
 */
export function checkSeconds(
  config: ModelConfig,
  {
    seconds = clipSamples(config) / config.sampleRate,
    count = 1,
  }: { readonly seconds?: number; readonly count?: number },
  maxSeconds: number,
): void {
  if (count * seconds <= maxSeconds) return
  throw new DiffWaveError('TOO_LARGE', count === 1 ? 'the clip is too long' : 'the clips are too long', {
    expected: `at most ${maxSeconds} s`,
    got: `${count * seconds} s`,
    where: 'seconds',
  })
}

const options = z.strictObject({
  model: model('generator'),
  ...sampling,
  ...clipOptions,
  count: z
    .number()
    .int()
    .min(1)
    .max(MAX_JOB_CLIPS)
    .default(1)
    .describe('Number of clips; more than one only as a job. Clip i has the seed plus i.'),
  format,
})

export const generate = defineOperation({
  name: 'generate',
  summary: 'Audio from noise alone, or from a label',
  details: 'One clip is sent while it is made. Several are made together, as the files of a job.',
  body: 'none',
  result: 'audio/wav',
  jobOnly: ({ count }) => count > 1,
  options,
  modelKind: () => 'generator',
  async run(run) {
    const { models, limits, signal, onProgress, output } = run
    const { model: named, count, format, seed = drawSeed(), ...rest } = run.options
    const { name, config } = await chosenModel(models, named, 'generator')
    checkSeconds(config, defined({ seconds: rest.seconds, count }), limits.seconds)
    await withModel(run, name, async model => {
      const generator = new Generator(model)
      const wanted = { ...defined(rest), signal, onProgress }
      if (count === 1) {
        const facts = { model: name, label: rest.label === undefined ? generator.drawLabel(seed) : rest.label }
        return streamWav(output, generator.stream({ ...wanted, seed }), { name: 'result.wav', format, facts })
      }
      let made = 0
      for await (const clip of generator.clips({ ...wanted, count, seed })) {
        const facts = { model: name, label: clip.label, seed: clip.seed, steps: clip.steps }
        await writeWhole(output, clip, { name: `clip-${made++}.wav`, format, facts })
      }
    })
  },
})
