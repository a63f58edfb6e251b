/** A recording with its gaps filled. */
import { z } from 'zod'
import { rateNote } from '../../audio/rate-note.js'
import { defined } from '../../core/defined.js'
import { MAX_FADE_SECONDS, MAX_ROUNDS } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import { Generator } from '../../generator.js'
import { Vocoder } from '../../vocoder.js'
import { anyModel } from './chosen-model.js'
import { withNotes } from './notes.js'
import { defineOperation } from './operation.js'
import { format, label, model, sampling } from './options.js'
import { writeWhole } from './wav-output.js'
import { withModel } from './with-model.js'

/** Gaps that one request may name: its address holds no more. */
const MAX_REQUEST_GAPS = 500

const gap = z.strictObject({ start: z.number().min(0), end: z.number().positive() })

const options = z.strictObject({
  model: model('vocoder'),
  gaps: z
    .array(gap, 'expected start-end in seconds, such as 1.2-1.25,3-3.1')
    .min(1)
    .max(MAX_REQUEST_GAPS)
    .describe('Gaps to fill, in seconds from the start: 1.2-1.25,3-3.1 in an address.'),
  ...sampling,
  rounds: z
    .number()
    .int()
    .min(1)
    .max(MAX_ROUNDS)
    .optional()
    .describe('Passes at each noise level: more of them join the edges better. Default: 4.'),
  fade: z
    .number()
    .min(0)
    .max(MAX_FADE_SECONDS)
    .optional()
    .describe('Length of the fade at the edges of a gap, in seconds. Default: 0.002.'),
  label,
  format,
})

export const inpaint = defineOperation({
  name: 'inpaint',
  summary: 'A recording with its gaps filled',
  details:
    'Outside the gaps the recording stays as it is. If its rate is not the model’s, only what fills the gaps is ' +
    'resampled.',
  body: 'recording',
  result: 'audio/wav',
  jobOnly: false,
  options,
  modelKind: () => 'vocoder',
  async run(run) {
    const { models, decoders, limits, body, signal, onProgress, output } = run
    const { model: named, gaps, format, seed = drawSeed(), ...rest } = run.options
    const { name, config } = await anyModel(models, named, 'vocoder')
    const request = { bytes: body, sampleRate: null, maxSeconds: limits.seconds }
    const { notes: read, ...audio } = await decoders.run('recording', request, signal)
    const note = rateNote(audio.sampleRate, config.sampleRate)
    const notes = note === null ? read : [...read, note]
    await withModel(run, name, async model => {
      const repairer = model.config.kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
      const made = await repairer.inpaint(audio, { gaps, ...defined(rest), seed, signal, onProgress })
      const facts = withNotes({ model: name, seed, steps: made.steps }, notes)
      await writeWhole(output, made, { name: 'result.wav', format, facts })
    })
  },
})
