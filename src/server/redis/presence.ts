/** Which workers are there, and with which models: each says so again and again, and counts as gone when it stops. */
import type { Redis } from 'ioredis'
import { runScript } from './job-store.js'
import { LEAVE, PRESENT, SHOW } from './scripts.js'

export interface PresenceOptions {
  /** Names the worker among all that share the server. */
  readonly id: string
  /** Names of its models. */
  readonly models: readonly string[]
  /** Seconds after which it counts as gone; it shows itself twice in this time. */
  readonly seconds: number
  /** Called with errors, for a log. */
  readonly onError: (error: Error) => void
}

export class Presence {
  readonly #client: Redis
  readonly #options: PresenceOptions
  #timer: NodeJS.Timeout | undefined
  /** Whether the server has not answered yet: while it is away, commands wait. */
  #isWaiting = false

  constructor(client: Redis, options: PresenceOptions) {
    this.#client = client
    this.#options = options
  }

  /** Shows the worker from now on, until `leave`. */
  async start(): Promise<void> {
    const again = () => {
      if (!this.#isWaiting) void this.#show().catch(this.#options.onError)
    }
    this.#timer = setInterval(again, 500 * this.#options.seconds)
    this.#timer.unref()
    await this.#show()
  }

  /** Whether another worker that is there has a model. */
  async isElsewhere(model: string): Promise<boolean> {
    const all = (await runScript(this.#client, PRESENT, [])) as readonly string[]
    for (let i = 0; i < all.length; i += 2) {
      if (all[i] !== this.#options.id && (JSON.parse(all[i + 1]!) as readonly string[]).includes(model)) return true
    }
    return false
  }

  /** Takes the worker off the list, as it takes no more jobs. */
  async leave(): Promise<void> {
    clearInterval(this.#timer)
    await runScript(this.#client, LEAVE, [this.#options.id])
  }

  async #show(): Promise<void> {
    const { id, models, seconds } = this.#options
    this.#isWaiting = true
    try {
      await runScript(this.#client, SHOW, [id, 1000 * seconds, JSON.stringify(models)])
    } finally {
      this.#isWaiting = false
    }
  }
}
