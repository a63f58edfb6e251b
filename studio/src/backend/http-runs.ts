/** Training runs of the service (`--runs`). */
import { decodeSound } from '../audio/decode.js'
import type { Sound } from '../audio/sound.js'
import { wavRate } from '../audio/wav-rate.js'
import { readEvents } from './event-stream.js'
import type { HttpClient } from './http-client.js'
import type { MetricsLine, RunsBackend, TrainingClip, TrainingRun } from './studio-backend.js'

/** The answer of `…/metrics`. */
interface LogLines {
  readonly lines: readonly MetricsLine[]
}

/** Milliseconds before a lost stream is opened again. */
const RECONNECT_MILLISECONDS = 2000

export class HttpRuns implements RunsBackend {
  readonly #client: HttpClient

  constructor(client: HttpClient) {
    this.#client = client
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
    while (!signal.aborted) {
      const { body } = await this.#client.send(`${path}/events`, { query: { after }, signal })
      for await (const { name, data } of readEvents(body!)) {
        if (name !== 'metrics') continue
        const line = data as MetricsLine
        after = line.step
        yield [line]
      }
      await new Promise(resolve => setTimeout(resolve, RECONNECT_MILLISECONDS))
    }
  }

  async clips(run: string, signal: AbortSignal): Promise<readonly TrainingClip[]> {
    const path = `/v1/runs/${encodeURIComponent(run)}/clips`
    return (await this.#client.json<{ readonly clips: readonly TrainingClip[] }>(path, { signal })).clips
  }

  async clip(run: string, id: string, signal: AbortSignal): Promise<Sound> {
    const path = `/v1/runs/${encodeURIComponent(run)}/clips/${encodeURIComponent(id)}`
    const bytes = new Uint8Array(await (await this.#client.send(path, { signal })).arrayBuffer())
    return decodeSound(bytes, wavRate(bytes))
  }
}
