/** A recording beside what systems make of its mel, with all measures. */
import { z } from 'zod'
import { griffinLim } from '../../audio/mel/griffin-lim.js'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { drawSeed } from '../../core/seed.js'
import { measures } from '../../evaluation/vocoder/measures.js'
import { Vocoder } from '../../vocoder.js'
import type { VocoderInput } from '../decoding/tasks.js'
import { MAX_STUDY_SECONDS } from '../limits.js'
import { chosenModel } from './chosen-model.js'
import { defineOperation, type OperationRun } from './operation.js'
import { format, label, model, refine, sampling } from './options.js'
import { writeWhole } from './wav-output.js'
import { withModel } from './with-model.js'

const options = z.strictObject({ model: model('vocoder'), ...sampling, label, refine, format })
type Options = z.output<typeof options>

const systems = ['model', 'zero-output', 'griffin-lim'] as const
type SystemName = (typeof systems)[number]

/** The copy that one system makes. */
async function copyOf(
  run: OperationRun<Options>,
  system: SystemName,
  name: string,
  { mel, length }: VocoderInput,
  seed: number,
): Promise<Float32Array> {
  const { signal, models, options } = run
  const { model: _, format: __, seed: ___, ...rest } = options
  const common = { seed, signal, length }
  if (system === 'griffin-lim') {
    const { mel: convention } = await models.config(name)
    return (await griffinLim(mel, convention!, common)).samples
  }
  const synthesis = await withModel(
    run,
    name,
    model => new Vocoder(model).synthesize(mel, { ...defined(rest), ...common }),
    { zeroOutput: system === 'zero-output' },
  )
  return synthesis.samples
}

export const compare = defineOperation({
  name: 'compare',
  summary: 'A recording beside what systems make of its mel, with measures',
  details:
    'Files: original.wav, model.wav, zero-output.wav (the model with its last layer zeroed), griffin-lim.wav, and ' +
    'result.json with the measures of each copy against the original.',
  body: 'recording',
  result: 'application/json',
  jobOnly: true,
  options,
  modelKind: () => 'vocoder',
  async run(run) {
    const { models, decoders, limits, body, signal, onProgress, output } = run
    const { format, seed = drawSeed() } = run.options
    const { name, config } = await chosenModel(models, run.options.model, 'vocoder')
    const { sampleRate } = config
    const maxSeconds = Math.min(limits.seconds, MAX_STUDY_SECONDS)
    const input = await decoders.run(
      'vocoderInput',
      { bytes: body, convention: config.mel!, maxSeconds, mel: {} },
      signal,
    )
    if (input.recording === null) {
      throw new DiffWaveError('BAD_AUDIO', 'the body is a mel', { expected: 'a recording' })
    }
    const total = systems.length + 1
    await writeWhole(output, { samples: input.recording, sampleRate }, { name: 'original.wav', format, facts: {} })
    const made: Float32Array[] = []
    for (const system of systems) {
      const start = performance.now()
      const samples = await copyOf(run, system, name, input, seed)
      const seconds = (performance.now() - start) / 1000
      const facts = { model: name, system, seed, seconds }
      await writeWhole(output, { samples, sampleRate }, { name: `${system}.wav`, format, facts })
      made.push(samples)
      onProgress({ done: made.length, total })
    }
    const rows = await decoders.run('measured', { original: input.recording, made, sampleRate }, signal)
    onProgress({ done: total, total })
    const { realTimeFactor: _, ...titles } = measures
    const result = {
      model: name,
      seed,
      measures: titles,
      systems: Object.fromEntries(systems.map((system, i) => [system, rows[i]])),
    }
    const bytes = new TextEncoder().encode(JSON.stringify(result))
    output.open({ name: 'result.json', type: 'application/json', bytes: bytes.length, facts: { model: name, seed } })
    await output.write(bytes)
  },
})
