/** A job of the service: submitted, followed by its events, and removed once its files have been fetched. */
import { decodeSound } from '../audio/decode.js'
import { type Facts, numberFact, type Sound } from '../audio/sound.js'
import { problemOf, StudioProblem } from '../core/problem.js'
import { readEvents, type ServerEvent } from './event-stream.js'
import type { HttpClient, HttpRequest } from './http-client.js'

/** A file of a job, as events name it. */
export interface JobFile {
  readonly name: string
  readonly facts: Facts
}

interface JobState {
  readonly id: string
  readonly state: string
  readonly problem: unknown
}

/** Lost connections after which a job is given up. */
const MAX_RECONNECTS = 5

export interface JobWatch {
  readonly signal: AbortSignal
  onProgress?(share: number): void
  /** Called with each file when it is complete. Awaited, so that files come in order. */
  onFile?(file: JobFile, fetched: () => Promise<Response>): Promise<void>
  onEvent?(name: string, data: Facts): void
}

/** The sound of a job's file or of an answer, at its own rate. */
export async function soundOf(response: Response, facts: Facts): Promise<Sound> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  return decodeSound(bytes, numberFact(facts, 'sampleRate', 22_050), facts)
}

function failure({ state, problem }: JobState): StudioProblem {
  if (state === 'cancelled') return new StudioProblem({ code: 'CANCELLED', detail: 'The work was stopped.' })
  return problemOf(problem) ?? new StudioProblem({ code: 'FAILED', detail: 'The work failed.' })
}

/** Runs one job to its end. */
class JobRun {
  readonly #client: HttpClient
  readonly #id: string
  readonly #watch: JobWatch
  #lastEvent = '0'

  constructor(client: HttpClient, id: string, watch: JobWatch) {
    this.#client = client
    this.#id = id
    this.#watch = watch
  }

  /** @throws StudioProblem if the job fails */
  async follow(): Promise<void> {
    for (let attempt = 0; attempt <= MAX_RECONNECTS; attempt++) {
      const { signal } = this.#watch
      const query = { after: this.#lastEvent }
      const { body } = await this.#client.send(`/v1/jobs/${this.#id}/events`, { query, signal })
      for await (const event of readEvents(body!)) {
        this.#lastEvent = event.id
        if (await this.#handle(event)) return
      }
      signal.throwIfAborted()
    }
    throw new StudioProblem({ code: 'UNREACHABLE', detail: 'The connection to the service was lost.' })
  }

  /** @returns whether the job is done */
  async #handle({ name, data }: ServerEvent): Promise<boolean> {
    const { signal, onProgress, onFile, onEvent } = this.#watch
    const facts = data as Facts
    if (name === 'progress') onProgress?.(numberFact(facts, 'progress', 0))
    else if (name === 'file') {
      const file = data as JobFile
      const path = `/v1/jobs/${this.#id}/files/${encodeURIComponent(file.name)}`
      await onFile?.(file, () => this.#client.send(path, { signal }))
    } else if (name === 'state') {
      const job = data as JobState
      if (job.state === 'failed' || job.state === 'cancelled') throw failure(job)
      return job.state === 'done'
    } else onEvent?.(name, facts)
    return false
  }
}

/** Does work as a job. Its files are forgotten afterwards; if the signal fires, the work stops. */
export async function runJob(client: HttpClient, path: string, request: HttpRequest, watch: JobWatch): Promise<void> {
  const { id } = await client.json<JobState>(path, { ...request, method: 'POST', asJob: true, signal: watch.signal })
  try {
    await new JobRun(client, id, watch).follow()
  } finally {
    await client.send(`/v1/jobs/${id}`, { method: 'DELETE' }).catch(() => undefined)
  }
}
