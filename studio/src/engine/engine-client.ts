/** Questions to the worker in which the engine runs, and their answers. */
import type { Watch } from '../backend/studio-backend.js'
import { StudioProblem } from '../core/problem.js'
import type { FromWorker, OfferedModel, ToWorker } from './protocol.js'

type OnEvent = (name: string, value: unknown) => void

interface Pending {
  readonly onEvent: OnEvent
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export class EngineClient {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #last = 0
  #hasAnswered = false
  /** Why the worker did not start. */
  #failure: StudioProblem | null = null

  constructor(models: readonly OfferedModel[]) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'diffwave studio' })
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data))
    // A program that cannot be loaded is an event without a message.
    this.#worker.addEventListener('error', ({ message }: Partial<ErrorEvent>) => this.#fail(message ?? ''))
    this.#post({ kind: 'offer', models })
  }

  /**
   * Has an operation done.
   *
   * @param onEvent called with what the operation reports besides its progress
   * @throws StudioProblem if it is refused; an `AbortError` once the signal fires
   */
  async ask<Value>(
    operation: string,
    order: unknown,
    { signal, onProgress }: Watch,
    onEvent: OnEvent = () => {},
  ): Promise<Value> {
    signal.throwIfAborted()
    if (this.#failure !== null) throw this.#failure
    const id = ++this.#last
    let stop: () => void
    try {
      return (await new Promise<unknown>((resolve, reject) => {
        stop = () => {
          this.#post({ kind: 'stop', id })
          reject(signal.reason)
        }
        signal.addEventListener('abort', stop)
        const report: OnEvent = (name, value) => {
          if (name === 'progress') onProgress?.(value as number)
          else onEvent(name, value)
        }
        this.#pending.set(id, { onEvent: report, resolve, reject })
        this.#post({ kind: 'ask', id, operation, order })
      })) as Value
    } finally {
      this.#pending.delete(id)
      signal.removeEventListener('abort', stop!)
    }
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromWorker): void {
    this.#hasAnswered = true
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    if (message.kind === 'event') pending.onEvent(message.name, message.value)
    else if (message.kind === 'result') pending.resolve(message.value)
    else pending.reject(new StudioProblem(message.problem))
  }

  #fail(reason: string): void {
    const problem = new StudioProblem({
      code: 'ENGINE_UNAVAILABLE',
      title: `The engine of the page does not start${reason === '' ? '' : `: ${reason}`}.`,
      expected: 'a browser with WebAssembly SIMD: Chrome 91, Firefox 89, Safari 16.4 or later',
      hint: 'Serve the page from http: or https:, not from a file.',
    })
    // One that never answered never will.
    if (!this.#hasAnswered) this.#failure = problem
    for (const { reject } of this.#pending.values()) reject(problem)
  }
}
