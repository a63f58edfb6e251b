/** A mel, or a recording by way of its mel, as audio. */
import { z } from 'zod'
import { griffinLim } from '../../audio/mel/griffin-lim.js'
import { defined } from '../../core/defined.js'
import { drawSeed } from '../../core/seed.js'
import { Vocoder } from '../../vocoder.js'
import { chosenModel } from './chosen-model.js'
import { withNotes } from './notes.js'
import { defineOperation } from './operation.js'
import { format, label, melChoice, model, refine, sampling } from './options.js'
import { streamWav, writeWhole } from './wav-output.js'
import { withModel } from './with-model.js'

const options = z.strictObject({
  model: model('vocoder'),
  ...sampling,
  label,
  refine,
  system: z
    .enum(['model', 'zero-output', 'griffin-lim'])
    .default('model')
    .describe('What makes the audio: the model, the model with its last layer zeroed, or Griffin-Lim.'),
  ...melChoice,
  format,
})

export const vocode = defineOperation({
  name: 'vocode',
  summary: 'Audio from a mel spectrogram, or from a recording through its mel',
  details: 'The audio is sent while it is made.',
  body: 'mel or recording',
  result: 'audio/wav',
  jobOnly: false,
  options,
  modelKind: () => 'vocoder',
  async run(run) {
    const { models, decoders, limits, body, signal, onProgress, output } = run
    const { model: named, system, key, index, format, seed = drawSeed(), ...rest } = run.options
    const { name, config } = await chosenModel(models, named, 'vocoder')
    const convention = config.mel!
    const input = await decoders.run(
      'vocoderInput',
      { bytes: body, convention, maxSeconds: limits.seconds, mel: defined({ key, index }) },
      signal,
    )
    const { length } = input
    const facts = withNotes({ model: name, system }, input.notes)
    const file = { name: 'result.wav', format, facts }
    if (system === 'griffin-lim') {
      const made = await griffinLim(input.mel, convention, { length, seed, signal, onProgress })
      return writeWhole(output, made, { ...file, facts: { ...facts, seed } })
    }
    await withModel(
      run,
      name,
      model => {
        const stream = new Vocoder(model).stream(input.mel, { ...defined(rest), length, seed, signal, onProgress })
        return streamWav(output, stream, file)
      },
      { zeroOutput: system === 'zero-output' },
    )
  },
})
