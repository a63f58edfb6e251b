/** The list of running workers with their models. Each renews its entry, and counts as gone when it stops doing so. */
import type { Redis } from 'ioredis'
import { runScript } from './job-store.js'
import { LEAVE, PRESENT, SHOW } from './scripts.js'

export interface PresenceOptions {
  /** Unique name of the worker among all that share the server. */
  readonly id: string
  /** Names of its models. */
  readonly models: readonly string[]
  /** Seconds after which it counts as gone. It renews its entry twice in this time. */
  readonly seconds: number
  /** Called with errors, for a log. */
  readonly onError: (error: Error) => void
}

export class Presence {
  readonly #client: Redis
  readonly #options: PresenceOptions
  #timer: NodeJS.Timeout | undefined
  /** Whether the server has not answered yet. While it is unreachable, commands wait. */
  #isWaiting = false

  constructor(client: Redis, options: PresenceOptions) {
    this.#client = client
    this.#options = options
  }

  /** Keeps the worker on the list until `leave`. */
  async start(): Promise<void> {
    const again = () => {
      if (!this.#isWaiting) void this.#show().catch(this.#options.onError)
    }
    this.#timer = setInterval(again, 500 * this.#options.seconds)
    this.#timer.unref()
    await this.#show()
  }

  /** Whether another running worker has a model. */
  async isElsewhere(model: string): Promise<boolean> {
    const all = (await runScript(this.#client, PRESENT, [])) as readonly string[]
    for (let i = 0; i < all.length; i += 2) {
      if (all[i] !== this.#options.id && (JSON.parse(all[i + 1]!) as readonly string[]).includes(model)) return true
    }
    return false
  }

  /** Removes the worker from the list, as it takes no more jobs. */
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
