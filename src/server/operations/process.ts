/** The reverse process step by step: x_t, and the clean audio and the noise that each step predicted. */
import { z } from 'zod'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { drawSeed } from '../../core/seed.js'
import { createSampler } from '../../diffusion/samplers/create.js'
import { Generator } from '../../generator.js'
import { clipSamples, type ModelConfig } from '../../model/config.js'
import { checkStepBytes, checkTakesFile, type OnStep, type SamplingStep } from '../../synthesis/sampling-step.js'
import { Vocoder } from '../../vocoder.js'
import type { VocoderInput } from '../decoding/tasks.js'
import { MAX_STEP_BYTES, MAX_STUDY_SECONDS } from '../limits.js'
import { anyModel } from './chosen-model.js'
import { checkSeconds, clipOptions } from './generate.js'
import { defineOperation, type OperationRun } from './operation.js'
import { format, melChoice, model, refine, sampling } from './options.js'
import { writeWhole } from './wav-output.js'
import { withModel } from './with-model.js'

const options = z.strictObject({
  model: model('vocoder'),
  ...sampling,
  ...clipOptions,
  refine,
  ...melChoice,
  format: format.default('32f'),
})
type Options = z.output<typeof options>

/** Writes the files and events of steps, in order, while the process goes on. */
class StepRecorder {
  readonly #run: OperationRun<Options>
  readonly #sampleRate: number
  readonly #trainingSteps: readonly number[]
  #written: Promise<void> = Promise.resolve()

  constructor(run: OperationRun<Options>, sampleRate: number, trainingSteps: readonly number[]) {
    this.#run = run
    this.#sampleRate = sampleRate
    this.#trainingSteps = trainingSteps
  }

  readonly onStep: OnStep = step => {
    const { index, of, inputNoiseLevel, noiseLevel } = step
    const t = this.#trainingSteps[index]!
    if (index === 0) this.#write('x-0.wav', step.input(), { noiseLevel: inputNoiseLevel, t })
    const files = { x: `x-${index + 1}.wav`, clean: `clean-${index + 1}.wav`, noise: `noise-${index + 1}.wav` }
    this.#writeStep(files, step)
    this.#after(async () => this.#run.output.event('step', { index, of, t, inputNoiseLevel, noiseLevel, files }))
  }

  /** @throws what writing threw */
  finished(): Promise<void> {
    return this.#written
  }

  #writeStep(files: { readonly x: string; readonly clean: string; readonly noise: string }, step: SamplingStep): void {
    this.#write(files.x, step.state(), { noiseLevel: step.noiseLevel })
    this.#write(files.clean, step.clean(), { noiseLevel: 0 })
    this.#write(files.noise, step.noise(), { noiseLevel: 1 })
  }

  #write(name: string, samples: Float32Array, facts: Readonly<Record<string, number>>): void {
    const { output, options } = this.#run
    const file = { name, format: options.format, facts }
    this.#after(() => writeWhole(output, { samples, sampleRate: this.#sampleRate }, file))
  }

  #after(work: () => Promise<void>): void {
    this.#written = this.#written.then(work)
    // Told by `finished`.
    this.#written.catch(() => {})
  }
}

/** Makes the audio of the run, watched. */
async function watched(run: OperationRun<Options>, name: string, config: ModelConfig): Promise<void> {
  const { options, signal, onProgress, output } = run
  const { seed = drawSeed(), steps, sampler: wanted, eta, label, refine, seconds, guidance, format } = options
  const choice = defined({ steps, sampler: wanted, eta })
  const sampler = createSampler(config.diffusion, choice)
  const recorder = new StepRecorder(run, config.sampleRate, sampler.steps)
  const common = { ...choice, seed, signal, onProgress, onStep: recorder.onStep }
  const input = config.kind === 'vocoder' ? await melOf(run, config) : null
  const samples = input === null ? clipSamples(config, seconds) : input.length
  checkStepBytes(samples, sampler.steps.length, MAX_STEP_BYTES)
  await withModel(run, name, async model => {
    const made =
      input === null
        ? (await new Generator(model).generate({ ...common, ...defined({ label, seconds, guidance }) }))[0]!
        : await new Vocoder(model).synthesize(input.mel, { ...common, length: samples, ...defined({ label, refine }) })
    await recorder.finished()
    const alphaBars = sampler.alphaBars
    const facts = { model: name, seed, steps: made.steps, t: sampler.steps, alphaBars }
    await writeWhole(output, made, { name: 'result.wav', format, facts })
  })
}

async function melOf(run: OperationRun<Options>, config: ModelConfig): Promise<Pick<VocoderInput, 'mel' | 'length'>> {
  const { key, index } = run.options
  const maxSeconds = Math.min(run.limits.seconds, MAX_STUDY_SECONDS)
  const request = { bytes: run.body, convention: config.mel!, maxSeconds, mel: defined({ key, index }) }
  return run.decoders.run('vocoderInput', request, run.signal)
}

/** Options of a request that a model of one kind has no use for. */
const unused: Readonly<Record<ModelConfig['kind'], readonly (keyof Options)[]>> = {
  vocoder: ['seconds', 'guidance'],
  generator: ['refine', 'key', 'index'],
}

/** @throws DiffWaveError `BAD_OPTION` for what the model would leave out */
function checkUsed({ options, body }: OperationRun<Options>, name: string, { kind }: ModelConfig): void {
  const option = unused[kind].find(option => options[option] !== undefined)
  if (option !== undefined) {
    throw new DiffWaveError('BAD_OPTION', `a ${kind} does not take ${option}`, {
      got: `the model ${name}`,
      where: option,
    })
  }
  if (body.length > 0) checkTakesFile(kind, name)
}

export const reverseProcess = defineOperation({
  name: 'process',
  summary: 'The reverse process, step by step',
  details:
    'Files: result.wav; x-0.wav, the noise it starts from; and for step i from 1 on x-i.wav, clean-i.wav and ' +
    'noise-i.wav: x_t after the step, the clean audio and the noise that it predicted. Each step is an event.',
  body: 'optional mel or recording',
  result: 'audio/wav',
  jobOnly: true,
  options,
  modelKind: (_, hasBody) => (hasBody ? 'vocoder' : 'generator'),
  async run(run) {
    const { models, options, body, limits } = run
    const { name, config } = await anyModel(models, options.model, body.length === 0 ? 'generator' : 'vocoder')
    checkUsed(run, name, config)
    if (config.kind === 'generator') {
      checkSeconds(config, defined({ seconds: options.seconds }), Math.min(limits.seconds, MAX_STUDY_SECONDS))
    }
    await watched(run, name, config)
  },
})
