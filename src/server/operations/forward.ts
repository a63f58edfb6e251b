/** The forward process: a recording with as much noise as at a diffusion step. */
import { z } from 'zod'
import { MAX_DIFFUSION_STEPS } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import { MAX_STUDY_SECONDS } from '../limits.js'
import { anyModel } from './chosen-model.js'
import { withNotes } from './notes.js'
import { defineOperation } from './operation.js'
import { format, model, sampling } from './options.js'
import { writeWhole } from './wav-output.js'

const options = z.strictObject({
  model: model('vocoder'),
  t: z
    .number()
    .min(0)
    .max(MAX_DIFFUSION_STEPS)
    .describe('Diffusion step of the training schedule, fractional allowed.'),
  seed: sampling.seed,
  format: format.default('32f'),
})

export const forward = defineOperation({
  name: 'forward',
  summary: 'A recording with as much noise as at a diffusion step, x_t',
  details: 'The noise is the model’s own, drawn with this seed. Samples can lie beyond ±1.',
  body: 'recording',
  result: 'audio/wav',
  jobOnly: false,
  options,
  modelKind: () => 'vocoder',
  async run({ models, decoders, limits, body, signal, output, options }) {
    const { model: named, t, seed = drawSeed(), format } = options
    const { name, config } = await anyModel(models, named, 'vocoder')
    const maxSeconds = Math.min(limits.seconds, MAX_STUDY_SECONDS)
    const request = { bytes: body, config, t, seed, maxSeconds }
    const { notes, snr, alphaBar, ...audio } = await decoders.run('noised', request, signal)
    const facts = { model: name, seed, t, alphaBar, noiseLevel: Math.sqrt(1 - alphaBar), snr }
    await writeWhole(output, audio, { name: 'result.wav', format, facts: withNotes(facts, notes) })
  },
})
