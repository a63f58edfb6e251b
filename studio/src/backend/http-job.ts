/** A job of the service: submitted, followed by its events, and removed once its files have been fetched. */
import { decodeSound } from '../audio/decode.js'
import { type Facts, numberFact, type Sound } from '../audio/sound.js'
import { problemOf, StudioProblem } from '../core/problem.js'
import { readEvents, type ServerEvent } from './event-stream.js'
import { bytesOf, type HttpClient, type HttpRequest } from './http-client.js'

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

/** Milliseconds before a lost stream is opened again. */
const RECONNECT_MILLISECONDS = 1000
/** How often that may fail in a row: for half a minute. */
const MAX_RECONNECTS = 30

export interface JobWatch {
  readonly signal: AbortSignal
  onProgress?(share: number): void
  /** Called with each file when it is complete. Awaited, so that files come in order. */
  onFile?(file: JobFile, fetched: () => Promise<Response>): Promise<void>
  onEvent?(name: string, data: Facts): void
}

/** The sound of a job's file or of an answer, at its own rate. */
export async function soundOf(response: Response, facts: Facts, signal: AbortSignal): Promise<Sound> {
  return decodeSound(await bytesOf(response), numberFact(facts, 'sampleRate', 22_050), { facts, signal })
}

function lost(): StudioProblem {
  return new StudioProblem({ code: 'UNREACHABLE', title: 'The connection to the service was lost.' })
}

function failure({ state, problem }: JobState): StudioProblem {
  if (state === 'cancelled') return new StudioProblem({ code: 'CANCELLED', title: 'The work was stopped.' })
  return problemOf(problem) ?? new StudioProblem({ code: 'FAILED', title: 'The work failed.' })
}

/** Runs one job to its end. */
class JobRun {
  readonly #client: HttpClient
  readonly #id: string
  readonly #watch: JobWatch
  readonly #pause: number
  #lastEvent = '0'

  constructor(client: HttpClient, id: string, watch: JobWatch, pause: number) {
    this.#client = client
    this.#id = id
    this.#watch = watch
    this.#pause = pause
  }

  /** @throws StudioProblem if the job fails, or the service stays unreachable */
  async follow(): Promise<void> {
    const { signal } = this.#watch
    for (let failures = 0; ; failures++) {
      const before = this.#lastEvent
      try {
        if (await this.#readOn()) return
        if (failures >= MAX_RECONNECTS) throw lost()
      } catch (error) {
        const isAway = error instanceof StudioProblem && error.code === 'UNREACHABLE'
        if (!isAway || failures >= MAX_RECONNECTS) throw error
      }
      if (this.#lastEvent !== before) failures = 0
      signal.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, this.#pause))
      signal.throwIfAborted()
    }
  }

  /** Opens the stream where it broke off, and reads it until it ends. @returns whether the job is done */
  async #readOn(): Promise<boolean> {
    const { signal } = this.#watch
    const query = { after: this.#lastEvent }
    const { body } = await this.#client.send(`/v1/jobs/${this.#id}/events`, { query, signal })
    for await (const event of readEvents(body!)) {
      const isDone = await this.#handle(event)
      // Only now, so that the event of a file that could not be fetched comes again.
      this.#lastEvent = event.id
      if (isDone) return true
    }
    return false
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

/**
 * Does work as a job. Its files are forgotten afterwards; if the signal fires, the work stops.
 *
 * @param pause milliseconds before a lost stream of events is opened again
 */
export async function runJob(
  client: HttpClient,
  path: string,
  request: HttpRequest,
  watch: JobWatch,
  pause = RECONNECT_MILLISECONDS,
): Promise<void> {
  const { id } = await client.json<JobState>(path, { ...request, method: 'POST', asJob: true, signal: watch.signal })
  try {
    await new JobRun(client, id, watch, pause).follow()
  } finally {
    await client.send(`/v1/jobs/${id}`, { method: 'DELETE' }).catch(() => undefined)
  }
}
