/** The mel spectrogram of a recording. */
import { z } from 'zod'
import { type ConventionName, namedConventions } from '../../audio/mel/convention.js'
import { DiffWaveError } from '../../core/errors.js'
import { encodeNpy } from '../../formats/npy.js'
import { encodeSafetensors } from '../../formats/safetensors.js'
import { chosenModel } from './chosen-model.js'
import { defineOperation } from './operation.js'
import { model } from './options.js'

const conventions = Object.keys(namedConventions) as [ConventionName, ...ConventionName[]]

const options = z.strictObject({
  model: model('vocoder').describe('Model whose mel convention to use. Default: the first vocoder’s.'),
  convention: z.enum(conventions).optional().describe('Mel convention to use in place of a model’s.'),
  as: z.enum(['npy', 'safetensors']).default('npy').describe('Format of the result.'),
})

export const mel = defineOperation({
  name: 'mel',
  summary: 'The mel spectrogram of a recording',
  details: 'Float32, [bands, frames].',
  body: 'recording',
  result: 'application/octet-stream',
  jobOnly: false,
  options,
  modelKind: ({ convention }) => (convention === undefined ? 'vocoder' : null),
  async run({ models, decoders, limits, body, signal, output, options }) {
    const { model: named, convention: wanted, as } = options
    if (named !== undefined && wanted !== undefined) {
      throw new DiffWaveError('BAD_OPTION', 'model and convention are both given', { expected: 'one of them' })
    }
    const convention =
      wanted === undefined ? (await chosenModel(models, named, 'vocoder')).config.mel! : namedConventions[wanted]
    const made = await decoders.run('mel', { bytes: body, convention, maxSeconds: limits.seconds }, signal)
    const tensor = { shape: [made.bands, made.frames], data: made.data }
    const bytes = as === 'npy' ? encodeNpy(tensor) : encodeSafetensors(new Map([['mel', tensor]]))
    const facts = {
      bands: made.bands,
      frames: made.frames,
      hop: convention.hop,
      sampleRate: convention.sampleRate,
      convention: convention.name,
    }
    output.open({ name: `result.${as}`, type: 'application/octet-stream', bytes: bytes.length, facts })
    await output.write(bytes)
  },
})
