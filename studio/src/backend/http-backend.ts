/** The studio's work done by the service (docs/serving.md). */
import { type Facts, numberFact, type Sound } from '../audio/sound.js'
import { problemOf, StudioProblem } from '../core/problem.js'
import type { HttpClient, HttpRequest, Query } from './http-client.js'
import { type JobWatch, runJob, soundOf } from './http-job.js'
import { HttpRuns } from './http-runs.js'
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
  StudioModel,
  VocodeOrder,
  VocoderSystem,
  Watch,
} from './studio-backend.js'

function samplingQuery({ model, steps, sampler, eta, seed }: Sampling): Query {
  return { model, steps, sampler, eta, seed }
}

function missing(): StudioProblem {
  return new StudioProblem({ code: 'INCOMPLETE', title: 'The service sent less than was asked for.' })
}

export class HttpBackend implements StudioBackend {
  readonly runs: HttpRuns
  readonly #client: HttpClient

  constructor(client: HttpClient) {
    this.#client = client
    this.runs = new HttpRuns(client)
  }

  async models(signal: AbortSignal): Promise<ModelList> {
    const { models, unavailable } = await this.#client.json<ListedModels>('/v1/models', { signal })
    return { models, problems: unavailable.flatMap(({ problem }) => problemOf(problem) ?? []) }
  }

  schedules({ model, steps, sampler, eta }: Omit<Sampling, 'seed'>, signal: AbortSignal): Promise<Schedules> {
    const path = `/v1/models/${encodeURIComponent(model)}/schedule`
    return this.#client.json<Schedules>(path, { query: { steps, sampler, eta }, signal })
  }

  async forward(
    { bytes }: SourceFile,
    { model, t, seed }: { readonly model: string; readonly t: number; readonly seed: number },
    signal: AbortSignal,
  ): Promise<Sound> {
    const response = await this.#client.send('/v1/forward', {
      method: 'POST',
      query: { model, t, seed },
      body: bytes,
      signal,
    })
    return soundOf(response, headerFacts(response.headers), signal)
  }

  async process(order: ProcessOrder, watch: ProcessWatch): Promise<ProcessResult> {
    const { source, seconds, label, guidance } = order
    const sounds = new Map<string, Sound>()
    const facts: Facts[] = []
    let reported = 0
    const tell = () => {
      while (reported < facts.length) {
        const step = stepOf(facts[reported]!, sounds)
        if (step === null) return
        reported++
        watch.onStep?.(step)
      }
    }
    await this.#job(
      '/v1/process',
      { query: { ...samplingQuery(order), seconds, label, guidance }, body: source?.bytes },
      {
        ...watch,
        onEvent(name, data) {
          if (name !== 'step') return
          facts.push(data)
          tell()
        },
        async onFile(file, fetched) {
          const sound = await soundOf(await fetched(), file.facts, watch.signal)
          sounds.set(file.name, sound)
          if (file.name === 'x-0.wav') watch.onStart?.(sound)
          tell()
        },
      },
    )
    const [start, result] = [sounds.get('x-0.wav'), sounds.get('result.wav')]
    if (start === undefined || result === undefined) throw missing()
    return { start, result, seed: numberFact(result.facts, 'seed', 0) }
  }

  vocode({ source, system, refine, ...sampling }: VocodeOrder, watch: Watch): Promise<Sound> {
    return this.#sound('/v1/vocode', { ...samplingQuery(sampling), system, refine, format: '32f' }, watch, source)
  }

  async compare({ source, refine, ...sampling }: CompareOrder, watch: Watch): Promise<Comparison> {
    const sounds = new Map<string, Sound>()
    let figures: ComparisonFile | null = null
    await this.#job(
      '/v1/compare',
      { query: { ...samplingQuery(sampling), refine, format: '32f' }, body: source.bytes },
      {
        ...watch,
        async onFile(file, fetched) {
          if (file.name === 'result.json') figures = (await (await fetched()).json()) as ComparisonFile
          else sounds.set(file.name.replace(/\.wav$/, ''), await soundOf(await fetched(), file.facts, watch.signal))
        },
      },
    )
    const original = sounds.get('original')
    if (original === undefined || figures === null) throw missing()
    sounds.delete('original')
    const { measures, systems, seed } = figures as ComparisonFile
    const copies = sounds as Map<VocoderSystem, Sound>
    const rows = Object.entries(systems) as [VocoderSystem, Record<string, number | null>][]
    return { original, copies, measures, figures: new Map(rows), seed }
  }

  async generate(order: GenerateOrder, watch: GenerateWatch): Promise<readonly Sound[]> {
    const { count, seconds, label, guidance } = order
    const query = { ...samplingQuery(order), count, seconds, label, guidance, format: '32f' }
    const clips: Sound[] = []
    await this.#job(
      '/v1/generate',
      { query },
      {
        ...watch,
        async onFile(file, fetched) {
          const clip = await soundOf(await fetched(), file.facts, watch.signal)
          clips.push(clip)
          watch.onClip?.(clip)
        },
      },
    )
    return clips
  }

  inpaint({ recording, gaps, rounds, ...sampling }: InpaintOrder, watch: Watch): Promise<Sound> {
    const stretches = gaps.map(({ start, end }) => `${start.toFixed(5)}-${end.toFixed(5)}`).join(',')
    const query = { ...samplingQuery(sampling), gaps: stretches, rounds, format: '32f' }
    return this.#sound('/v1/inpaint', query, watch, recording)
  }

  denoise({ recording, snr, label, ...sampling }: DenoiseOrder, watch: Watch): Promise<Sound> {
    const query = { ...samplingQuery(sampling), snr, label, format: '32f' }
    return this.#sound('/v1/denoise', query, watch, recording)
  }

  /** Work with one sound as its result, as a job, so that it reports progress. */
  async #sound(path: string, query: Query, watch: Watch, source: SourceFile): Promise<Sound> {
    let sound: Sound | null = null
    await this.#job(
      path,
      { query, body: source.bytes },
      {
        ...watch,
        async onFile(file, fetched) {
          sound = await soundOf(await fetched(), file.facts, watch.signal)
        },
      },
    )
    if (sound === null) throw missing()
    return sound
  }

  #job(path: string, request: HttpRequest, watch: JobWatch): Promise<void> {
    return runJob(this.#client, path, request, watch)
  }
}

/** The answer of `/v1/models`. */
interface ListedModels {
  readonly models: readonly StudioModel[]
  readonly unavailable: readonly { readonly name: string; readonly problem: unknown }[]
}

/** `result.json` of `/v1/compare`. */
interface ComparisonFile {
  readonly seed: number
  readonly measures: Comparison['measures']
  readonly systems: Readonly<Record<string, Record<string, number | null>>>
}

/** A step once all of its sounds are there. */
function stepOf(facts: Facts, sounds: ReadonlyMap<string, Sound>): ProcessStep | null {
  const { x, clean, noise } = facts['files'] as Readonly<Record<'x' | 'clean' | 'noise', string>>
  const [sx, sclean, snoise] = [sounds.get(x), sounds.get(clean), sounds.get(noise)]
  if (sx === undefined || sclean === undefined || snoise === undefined) return null
  const step = facts as unknown as Omit<ProcessStep, 'x' | 'clean' | 'noise'>
  const { index, of, t, inputNoiseLevel, noiseLevel } = step
  return { index, of, t, inputNoiseLevel, noiseLevel, x: sx, clean: sclean, noise: snoise }
}

/** Facts of a result from its headers: `Diffwave-Sample-Rate` as `sampleRate`. */
export function headerFacts(headers: Headers): Facts {
  const facts: Record<string, unknown> = {}
  headers.forEach((text, header) => {
    const [, name] = /^diffwave-(.+)$/.exec(header) ?? []
    if (name === undefined) return
    const key = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    const number = Number(text)
    facts[key] = text !== '' && Number.isFinite(number) ? number : text
  })
  return facts
}
