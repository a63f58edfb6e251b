/** What the views ask for, done with the library in the worker, as the service does it (src/server/operations). */
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { defined } from '#src/core/defined'
import { DiffWaveError } from '#src/core/errors'
import type { Progress } from '#src/core/progress'
import { drawSeed } from '#src/core/seed'
import type { Denoiser } from '#src/denoiser/denoiser'
import { createSampler } from '#src/diffusion/samplers/create'
import { compareCopies } from '#src/evaluation/vocoder/compare-copies'
import { measures } from '#src/evaluation/vocoder/measures'
import { Generator } from '#src/generator'
import { clipSamples, type ModelConfig } from '#src/model/config'
import type { SamplerName } from '#src/model/diffusion-config'
import { modelView, scheduleView } from '#src/synthesis/model-view'
import { noised } from '#src/synthesis/noised'
import { checkStepBytes, checkTakesFile, type SamplingStep } from '#src/synthesis/sampling-step'
import { Vocoder } from '#src/vocoder'
import type { Facts, Sound } from '../audio/sound.js'
import type {
  CompareOrder,
  Comparison,
  DenoiseOrder,
  GenerateOrder,
  InpaintOrder,
  ProcessOrder,
  ProcessResult,
  ProcessStep,
  Sampling,
  Schedules,
  SourceFile,
  StudioModel,
  VocodeOrder,
  VocoderSystem,
} from '../backend/studio-backend.js'
import type { ProblemClauses } from '../core/problem.js'
import { clausesOf } from './clauses.js'
import type { ModelShelf } from './model-shelf.js'
import type { EngineFile, ListedModels } from './protocol.js'
import { recordingAt, recordingOf, type VocoderInput, vocoderInput } from './recording.js'

/** What an operation has at hand. */
export interface OperationTools {
  readonly shelf: ModelShelf
  readonly signal: AbortSignal
  /** Something on the way. */
  readonly emit: (name: string, value: unknown) => void
}

/** An order as the worker gets it: its files are `EngineFile`. */
type Received<Order> = { readonly [Key in keyof Order]: ReceivedValue<Order[Key]> }
type ReceivedValue<Value> = Value extends SourceFile ? EngineFile : Value

/** Bytes of sound that the steps of one process may take: what a phone's browser gives a page. */
const MAX_STEP_BYTES = 256 * 2 ** 20

/** The library's options of sampling; what was left out is the model's own. */
function choiceOf({ steps, sampler, eta }: Pick<Sampling, 'steps' | 'sampler' | 'eta'>) {
  return defined({ steps, sampler: sampler as SamplerName | undefined, eta })
}

function soundOf(samples: Float32Array, sampleRate: number, facts: Facts = {}): Sound {
  return { samples: samples as Float32Array<ArrayBuffer>, sampleRate, facts: { sampleRate, ...facts } }
}

/** Reports the share of a part of the operation: `part` of `of`. */
function reporter({ emit }: OperationTools, part = 0, of = 1) {
  return ({ done, total }: Progress) => {
    if (total !== null && total > 0) emit('progress', (part + done / total) / of)
  }
}

/** Loads a model; its download is reported as progress of its own. */
function loaded(tools: OperationTools, name: string, zeroOutput = false): Promise<Denoiser> {
  return tools.shelf.load(name, { signal: tools.signal, onProgress: reporter(tools) }, zeroOutput)
}

async function vocoderConfig(shelf: ModelShelf, name: string) {
  const config = await shelf.config(name)
  if (config.mel !== null) return { ...config, mel: config.mel }
  throw new DiffWaveError('BAD_OPTION', 'the model is of the wrong kind', { expected: 'a vocoder', got: name })
}

async function models(_: unknown, { shelf }: OperationTools): Promise<ListedModels> {
  const seen = new Set<string>()
  const models: StudioModel[] = []
  const problems: ProblemClauses[] = []
  for (const name of shelf.names) {
    try {
      const config = await shelf.config(name)
      const { title: __, ...view } = modelView(config, name)
      models.push({ ...view, isDefault: !seen.has(config.kind) })
      seen.add(config.kind)
    } catch (error) {
      problems.push(clausesOf(error))
    }
  }
  return { models, problems }
}

async function schedules(order: Omit<Sampling, 'seed'>, { shelf }: OperationTools): Promise<Schedules> {
  return scheduleView(await shelf.config(order.model), choiceOf(order))
}

interface ForwardOrder {
  readonly recording: EngineFile
  readonly model: string
  readonly t: number
  readonly seed: number
}

async function forward({ recording, model, t, seed }: ForwardOrder, { shelf }: OperationTools): Promise<Sound> {
  const config = await shelf.config(model)
  const { sampleRate } = config
  const { samples, alphaBar, snr } = noised({ samples: await recordingAt(recording, sampleRate), sampleRate }, config, {
    t,
    seed,
  })
  return soundOf(samples, sampleRate, { model, seed, t, alphaBar, snr })
}

/** A step as views show it. */
function stepOf(step: SamplingStep, t: number, sampleRate: number): ProcessStep {
  const { index, of, inputNoiseLevel, noiseLevel } = step
  const sound = (samples: Float32Array, level: number) => soundOf(samples, sampleRate, { noiseLevel: level })
  const [x, clean, noise] = [sound(step.state(), noiseLevel), sound(step.clean(), 0), sound(step.noise(), 1)]
  return { index, of, t, inputNoiseLevel, noiseLevel, x, clean, noise }
}

async function process(order: Received<ProcessOrder>, tools: OperationTools): Promise<ProcessResult> {
  const { shelf, signal, emit } = tools
  const { model: name, source, seconds, label, guidance, seed = drawSeed() } = order
  const config: ModelConfig = await shelf.config(name)
  const { sampleRate } = config
  const choice = choiceOf(order)
  const { steps } = createSampler(config.diffusion, choice)
  if (source !== null) checkTakesFile(config.kind, name)
  const input = config.mel === null || source === null ? null : await vocoderInput(source, config.mel)
  const samples = input?.length ?? clipSamples(config, seconds)
  checkStepBytes(samples, steps.length, MAX_STEP_BYTES)
  let start: Sound | null = null
  const onStep = (step: SamplingStep) => {
    if (start === null) {
      start = soundOf(step.input(), sampleRate, { noiseLevel: step.inputNoiseLevel, t: steps[0] })
      emit('start', { ...start, samples: start.samples.slice() })
    }
    emit('step', stepOf(step, steps[step.index]!, sampleRate))
  }
  const common = { ...choice, seed, signal, onStep, onProgress: reporter(tools) }
  const model = await loaded(tools, name)
  const made =
    input === null
      ? (await new Generator(model).generate({ ...common, ...defined({ label, seconds, guidance }) }))[0]!
      : await new Vocoder(model).synthesize(input.mel, { ...common, length: input.length, ...defined({ label }) })
  return { start: start!, result: soundOf(made.samples, sampleRate, { model: name, seed, steps: made.steps }), seed }
}

/** What a system makes of a mel. */
interface Copying extends Sampling {
  readonly system: VocoderSystem
  readonly refine?: number | undefined
  readonly seed: number
}

async function copyOf(
  { mel, length }: VocoderInput,
  { model: name, system, refine, seed, ...choice }: Copying,
  tools: OperationTools,
  onProgress: (progress: Progress) => void,
): Promise<Sound> {
  const { shelf, signal } = tools
  const config = await vocoderConfig(shelf, name)
  const started = performance.now()
  const common = { length, seed, signal, onProgress }
  const samples =
    system === 'griffin-lim'
      ? (await griffinLim(mel, config.mel, common)).samples
      : (
          await new Vocoder(await loaded(tools, name, system === 'zero-output')).synthesize(mel, {
            ...choiceOf(choice),
            ...defined({ refine }),
            ...common,
          })
        ).samples
  const seconds = (performance.now() - started) / 1000
  return soundOf(samples, config.sampleRate, { model: name, system, seed, seconds })
}

async function vocode(order: Received<VocodeOrder>, tools: OperationTools): Promise<Sound> {
  const { mel } = await vocoderConfig(tools.shelf, order.model)
  const input = await vocoderInput(order.source, mel)
  return copyOf(input, { ...order, seed: order.seed ?? drawSeed() }, tools, reporter(tools))
}

const systems = ['model', 'zero-output', 'griffin-lim'] as const

async function compare(order: Received<CompareOrder>, tools: OperationTools): Promise<Comparison> {
  const { sampleRate, mel } = await vocoderConfig(tools.shelf, order.model)
  const input = await vocoderInput(order.source, mel)
  if (input.recording === null) {
    throw new DiffWaveError('BAD_AUDIO', 'the file is a mel', { expected: 'a recording', got: 'a mel' })
  }
  const seed = order.seed ?? drawSeed()
  const copies = new Map<VocoderSystem, Sound>()
  for (const [i, system] of systems.entries()) {
    copies.set(system, await copyOf(input, { ...order, system, seed }, tools, reporter(tools, i, systems.length)))
  }
  const made = [...copies.values()].map(({ samples }) => samples)
  const rows = await compareCopies(input.recording, made, sampleRate, order.source.name)
  const { realTimeFactor: _, ...titles } = measures
  const figures = new Map(systems.map((system, i) => [system, rows[i]!]))
  return { original: soundOf(input.recording, sampleRate), copies, measures: titles, figures, seed }
}

async function generate(order: GenerateOrder, tools: OperationTools): Promise<readonly Sound[]> {
  const { signal, emit } = tools
  const { model: name, count, seconds, label, guidance, seed = drawSeed() } = order
  const generator = new Generator(await loaded(tools, name))
  const options = { ...choiceOf(order), ...defined({ seconds, label, guidance }), count, seed, signal }
  const clips: Sound[] = []
  for await (const clip of generator.clips({ ...options, onProgress: reporter(tools) })) {
    const facts = { model: name, label: clip.label, seed: clip.seed, steps: clip.steps }
    const sound = soundOf(clip.samples, clip.sampleRate, facts)
    clips.push(sound)
    emit('clip', { ...sound, samples: sound.samples.slice() })
  }
  return clips
}

async function inpaint(order: Received<InpaintOrder>, tools: OperationTools): Promise<Sound> {
  const { shelf, signal } = tools
  const { model: name, recording, gaps, rounds, seed = drawSeed() } = order
  const { kind } = await shelf.config(name)
  const audio = recordingOf(recording)
  const model = await loaded(tools, name)
  const repairer = kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
  const options = { gaps, ...choiceOf(order), ...defined({ rounds }), seed, signal, onProgress: reporter(tools) }
  const { samples, sampleRate, steps } = await repairer.inpaint(audio, options)
  return soundOf(samples, sampleRate, { model: name, seed, steps })
}

async function denoise(order: Received<DenoiseOrder>, tools: OperationTools): Promise<Sound> {
  const { shelf, signal } = tools
  const { model: name, recording, steps, snr, label, seed = drawSeed(), ...choice } = order
  const { sampleRate } = await shelf.config(name)
  const audio = { samples: await recordingAt(recording, sampleRate), sampleRate }
  const { sampler, eta } = choiceOf(choice)
  // A named schedule, which does not start at the recording's noise, is refused.
  const options = { ...defined({ steps, sampler, eta, snr, label }), seed, signal, onProgress: reporter(tools) }
  const made = await new Generator(await loaded(tools, name)).denoise(audio, options)
  const { samples, step, noise } = made
  return soundOf(samples, sampleRate, { model: name, seed, steps: made.steps, step, noise })
}

/** Operations that need no model loaded: they do not wait for one that does. */
export const lightOperations = { models, schedules, forward } as const
/** Operations that run one after the other. */
export const heavyOperations = { process, vocode, compare, generate, inpaint, denoise } as const
