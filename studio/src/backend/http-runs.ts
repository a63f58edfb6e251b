/** Training runs of the service (`--runs`). */
import { decodeSound } from '../audio/decode.js'
import type { Sound } from '../audio/sound.js'
import { wavRate } from '../audio/wav-rate.js'
import { StudioProblem } from '../core/problem.js'
import { readEvents } from './event-stream.js'
import { bytesOf, type HttpClient } from './http-client.js'
import type { MetricsLine, RunsBackend, TrainingClip, TrainingRun } from './studio-backend.js'

/** The answer of `…/metrics`. */
interface LogLines {
  readonly lines: readonly MetricsLine[]
}

/** Milliseconds before a lost stream is opened again, and how often that may fail in a row: for a minute. */
const RECONNECT_MILLISECONDS = 2000
const MAX_RECONNECTS = 30

export class HttpRuns implements RunsBackend {
  readonly #client: HttpClient
  readonly #pause: number

  /** @param pause milliseconds before a lost stream is opened again */
  constructor(client: HttpClient, pause = RECONNECT_MILLISECONDS) {
    this.#client = client
    this.#pause = pause
  }

  async list(signal: AbortSignal): Promise<readonly TrainingRun[]> {
    return (await this.#client.json<{ readonly runs: readonly TrainingRun[] }>('/v1/runs', { signal })).runs
  }

  async *metrics(run: string, signal: AbortSignal): AsyncGenerator<readonly MetricsLine[], void, undefined> {
    const path = `/v1/runs/${encodeURIComponent(run)}`
    let after = -1
    // A long log comes in parts, of which the last one is empty.
    for (let isOver = false; !isOver; ) {
      const query = { after }
      const { lines } = await this.#client.json<LogLines>(`${path}/metrics`, { query, signal })
      isOver = lines.length === 0
      if (!isOver || after < 0) yield lines
      after = lines.at(-1)?.step ?? after
    }
    // Training goes on while the service is started again.
    for (let failures = 0; !signal.aborted; ) {
      try {
        const { body } = await this.#client.send(`${path}/events`, { query: { after }, signal })
        for await (const { name, data } of readEvents(body!)) {
          failures = 0
          if (name !== 'metrics') continue
          const line = data as MetricsLine
          after = line.step
          yield [line]
        }
      } catch (error) {
        const isAway = error instanceof StudioProblem && error.code === 'UNREACHABLE'
        if (!isAway || ++failures > MAX_RECONNECTS) throw error
      }
      await new Promise(resolve => setTimeout(resolve, this.#pause))
    }
  }

  async clips(run: string, signal: AbortSignal): Promise<readonly TrainingClip[]> {
    const path = `/v1/runs/${encodeURIComponent(run)}/clips`
    return (await this.#client.json<{ readonly clips: readonly TrainingClip[] }>(path, { signal })).clips
  }

  async clip(run: string, id: string, signal: AbortSignal): Promise<Sound> {
    const path = `/v1/runs/${encodeURIComponent(run)}/clips/${encodeURIComponent(id)}`
    const bytes = await bytesOf(await this.#client.send(path, { signal }))
    return decodeSound(bytes, wavRate(bytes), { signal })
  }
}
