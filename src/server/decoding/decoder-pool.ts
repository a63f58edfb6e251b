/**
 * Decoder threads. A body that takes too long, or that takes a thread down, costs that thread and nothing else: the
 * event loop goes on, and the next body gets a fresh one.
 */
import { Worker } from 'node:worker_threads'
import { abortError, DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { requireThreads } from '../../core/permission.js'
import { systemCode } from '../../core/system-code.js'
import { DECODE_SECONDS } from '../limits.js'
import { KnownProblem } from '../problem.js'
import { Refusal } from '../refusal.js'
import type { Answer } from './message.js'
import type { TaskName, TaskRequest, TaskResult } from './tasks.js'

/** JavaScript heap of a thread. Arrays of numbers lie outside it: the readers bound those by the body's size. */
const HEAP_MEGABYTES = 256

export interface DecoderPoolOptions {
  /** Threads at most; further tasks wait. */
  readonly threads: number
  /** Seconds that a task may take. */
  readonly seconds?: number
}

export class DecoderPool {
  readonly #options: Required<DecoderPoolOptions>
  readonly #idle: Worker[] = []
  readonly #waiting: (() => void)[] = []
  #busy = 0
  #closed = false

  /** @throws DiffWaveError `ENGINE_UNAVAILABLE` if Node's permission model forbids worker threads */
  constructor(options: DecoderPoolOptions) {
    requireThreads('the service')
    this.#options = { seconds: DECODE_SECONDS, ...options }
  }

  /**
   * Does a task in a thread.
   *
   * @throws KnownProblem if the body is refused; Refusal `WORK_TIMEOUT`; DiffWaveError `TOO_LARGE` (of memory),
   * `ABORTED`
   */
  async run<Name extends TaskName>(
    name: Name,
    request: TaskRequest<Name>,
    signal: AbortSignal,
  ): Promise<TaskResult<Name>> {
    while (this.#busy >= this.#options.threads) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#busy++
    try {
      throwIfAborted(signal)
      if (this.#closed) throw new DiffWaveError('DISPOSED', 'the decoder threads were stopped')
      return (await this.#ask(this.#idle.pop() ?? this.#newThread(), { name, request }, signal)) as TaskResult<Name>
    } finally {
      this.#busy--
      this.#waiting.shift()?.()
    }
  }

  /** Ends the threads that have nothing to do. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#idle.splice(0).map(thread => thread.terminate()))
  }

  #newThread(): Worker {
    const thread = new Worker(new URL('./decoder-thread.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
    })
    // A thread may fail while it has nothing to do, or after it was given up.
    thread.on('error', () => {})
    thread.on('exit', () => {
      const at = this.#idle.indexOf(thread)
      if (at >= 0) this.#idle.splice(at, 1)
    })
    return thread
  }

  #ask(thread: Worker, message: { readonly name: TaskName; readonly request: unknown }, signal: AbortSignal) {
    return new Promise<unknown>((resolve, reject) => {
      const settle = (usable: boolean, end: () => void) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        // One by one: `removeAllListeners` would take those by which Node starts and stops the thread's port.
        thread.off('message', answer).off('error', fail).off('exit', exit)
        if (usable && !this.#closed) {
          thread.unref()
          this.#idle.push(thread)
        } else {
          void thread.terminate()
        }
        end()
      }
      const answer = (answer: Answer) =>
        settle(true, () => {
          if ('result' in answer) resolve(answer.result)
          else reject('problem' in answer ? new KnownProblem(answer.problem) : new Error(answer.fault))
        })
      const fail = (error: Error) => settle(false, () => reject(outOfMemory(error)))
      const exit = () => settle(false, () => reject(new Error('a decoder thread ended')))
      const abort = () => settle(false, () => reject(abortError(signal.reason)))
      const { seconds } = this.#options
      const timer = setTimeout(() => settle(false, () => reject(tooSlow(seconds))), seconds * 1000)
      signal.addEventListener('abort', abort, { once: true })
      thread.on('message', answer).on('error', fail).on('exit', exit)
      thread.ref()
      thread.postMessage(message)
    })
  }
}

function tooSlow(seconds: number): Refusal {
  return new Refusal(422, 'WORK_TIMEOUT', 'decoding the body takes too long', {
    expected: `at most ${seconds} s`,
    hint: 'Send a shorter or simpler file.',
  })
}

/** A thread that ran out of memory is the body's doing; other errors are faults. */
function outOfMemory(error: Error): Error {
  if (systemCode(error) !== 'ERR_WORKER_OUT_OF_MEMORY') return error
  return new DiffWaveError('TOO_LARGE', 'decoding the body takes too much memory', {
    expected: `at most ${HEAP_MEGABYTES} MB`,
    hint: 'Send a shorter or simpler file.',
    cause: error,
  })
}
