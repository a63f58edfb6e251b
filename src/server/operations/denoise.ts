/** A recording without its noise. */
import { z } from 'zod'
import { defined } from '../../core/defined.js'
import { MAX_DIFFUSION_STEPS, MAX_NOISE_RMS, MAX_SNR, MIN_SNR } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import { Generator } from '../../generator.js'
import { chosenModel } from './chosen-model.js'
import { withNotes } from './notes.js'
import { defineOperation } from './operation.js'
import { countedSteps, format, label, model, sampling } from './options.js'
import { writeWhole } from './wav-output.js'
import { withModel } from './with-model.js'

const options = z.strictObject({
  model: model('generator'),
  ...sampling,
  steps: countedSteps,
  snr: z
    .number()
    .min(MIN_SNR)
    .max(MAX_SNR)
    .optional()
    .describe('Signal-to-noise ratio of the recording in dB. Default: estimated from its pauses.'),
  noise: z
    .number()
    .positive()
    .max(MAX_NOISE_RMS)
    .optional()
    .describe('Root mean square of the recording’s noise, in units of full scale.'),
  step: z
    .number()
    .min(0)
    .max(MAX_DIFFUSION_STEPS)
    .optional()
    .describe('Diffusion step to start at, in place of a noise level.'),
  label,
  format,
})

export const denoise = defineOperation({
  name: 'denoise',
  summary: 'A recording without its noise',
  details: 'The model is a generator that was trained on sounds of the same kind.',
  body: 'recording',
  result: 'audio/wav',
  jobOnly: false,
  options,
  modelKind: () => 'generator',
  async run(run) {
    const { models, decoders, limits, body, signal, onProgress, output } = run
    const { model: named, format, seed = drawSeed(), ...rest } = run.options
    const { name, config } = await chosenModel(models, named, 'generator')
    const request = { bytes: body, sampleRate: config.sampleRate, maxSeconds: limits.seconds }
    const { notes, ...audio } = await decoders.run('recording', request, signal)
    await withModel(run, name, async model => {
      const made = await new Generator(model).denoise(audio, { ...defined(rest), seed, signal, onProgress })
      const { steps, step, noise } = made
      const facts = withNotes({ model: name, seed, steps, step, noise }, notes)
      await writeWhole(output, made, { name: 'result.wav', format, facts })
    })
  },
})
