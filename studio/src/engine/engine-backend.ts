/** The studio's work done by the engine in the browser: a page without a server. */
import { looksLikeTensors } from '#src/formats/tensor-file'
import { decodeSound } from '../audio/decode.js'
import type { Sound } from '../audio/sound.js'
import type {
  CompareOrder,
  Comparison,
  DenoiseOrder,
  GenerateOrder,
  GenerateWatch,
  InpaintOrder,
  ModelList,
  ProcessOrder,
  ProcessResult,
  ProcessStep,
  ProcessWatch,
  Sampling,
  Schedules,
  SourceFile,
  StudioBackend,
  VocodeOrder,
  Watch,
} from '../backend/studio-backend.js'
import { StudioProblem } from '../core/problem.js'
import { EngineClient } from './engine-client.js'
import type { EngineFile, ListedModels, OfferedModel } from './protocol.js'

/** Whether bytes begin as a WAV file, which the engine reads itself, to the bit. */
function isWav(bytes: Uint8Array): boolean {
  return ['RIFF', 'RIFX', 'RF64', 'BW64'].includes(String.fromCharCode(...bytes.subarray(0, 4)))
}

export class EngineBackend implements StudioBackend {
  readonly runs = null
  readonly #client: EngineClient
  readonly #rates = new Map<string, number>()

  /** @param models that the page offers */
  constructor(models: readonly OfferedModel[]) {
    this.#client = new EngineClient(models)
  }

  async models(signal: AbortSignal): Promise<ModelList> {
    const { models, problems } = await this.#client.ask<ListedModels>('models', null, { signal })
    for (const { name, sampleRate } of models) this.#rates.set(name, sampleRate)
    return { models, problems: problems.map(clauses => new StudioProblem(clauses)) }
  }

  schedules(choice: Omit<Sampling, 'seed'>, signal: AbortSignal): Promise<Schedules> {
    return this.#client.ask('schedules', choice, { signal })
  }

  async forward(
    recording: SourceFile,
    options: { readonly model: string; readonly t: number; readonly seed: number },
    signal: AbortSignal,
  ): Promise<Sound> {
    const order = { ...options, recording: await this.#file(recording, options.model) }
    return this.#client.ask('forward', order, { signal })
  }

  async process(order: ProcessOrder, { onStart, onStep, ...watch }: ProcessWatch): Promise<ProcessResult> {
    const source = order.source === null ? null : await this.#file(order.source, order.model)
    return this.#client.ask('process', { ...order, source }, watch, (name, value) => {
      if (name === 'start') onStart?.(value as Sound)
      if (name === 'step') onStep?.(value as ProcessStep)
    })
  }

  async vocode(order: VocodeOrder, watch: Watch): Promise<Sound> {
    return this.#client.ask('vocode', { ...order, source: await this.#file(order.source, order.model) }, watch)
  }

  async compare(order: CompareOrder, watch: Watch): Promise<Comparison> {
    return this.#client.ask('compare', { ...order, source: await this.#file(order.source, order.model) }, watch)
  }

  generate(order: GenerateOrder, { onClip, ...watch }: GenerateWatch): Promise<readonly Sound[]> {
    return this.#client.ask('generate', order, watch, (name, value) => {
      if (name === 'clip') onClip?.(value as Sound)
    })
  }

  async inpaint(order: InpaintOrder, watch: Watch): Promise<Sound> {
    return this.#client.ask('inpaint', { ...order, recording: await this.#file(order.recording, order.model) }, watch)
  }

  async denoise(order: DenoiseOrder, watch: Watch): Promise<Sound> {
    return this.#client.ask('denoise', { ...order, recording: await this.#file(order.recording, order.model) }, watch)
  }

  /** WAV files and mels as they are; what else the browser plays as samples at the model's rate. */
  async #file({ name, bytes }: SourceFile, model: string): Promise<EngineFile> {
    if (isWav(bytes) || looksLikeTensors(bytes)) return { name, bytes }
    const { samples, sampleRate } = await decodeSound(bytes, this.#rates.get(model) ?? 22_050)
    return { name, samples, sampleRate }
  }
}
