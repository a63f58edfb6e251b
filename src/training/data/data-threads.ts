/**
 * Prepares recordings in threads before a run. On one core it takes minutes to decode, resample and align hours of
 * audio. If there are only a few recordings, no threads are started.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { abortError, throwIfAborted } from '../../core/errors.js'
import { allowsThreads } from '../../core/permission.js'
import { receivedError } from '../../core/sent-error.js'
import { nextTurn } from '../../core/turn.js'
import { type TaskName, type TaskReply, type TaskRequest, type TaskResult, tasks } from './data-tasks.js'

const PROGRAM = new URL('./data-thread.js', import.meta.url)

/** Max number of threads. More threads gain little, and each takes some 60 MB. */
const MAX_DATA_THREADS = 8
/** Min number of tasks per thread. With fewer, starting it, which takes some 200 ms, is not worth it. */
const TASKS_PER_THREAD = 32
/** Number of results per thread that may wait for an earlier result. */
const AHEAD = 4

/** Does tasks in threads if there are many, else in the calling thread. */
export class DataThreads {
  readonly #signal: AbortSignal | undefined
  readonly #count: number
  readonly #threads: Worker[] = []
  readonly #idle: Worker[] = []
  readonly #waiting: ((thread: Worker) => void)[] = []

  /**
   * @param tasks number of tasks that will follow
   * @param signal stops the threads
   */
  constructor(tasks: number, signal: AbortSignal | undefined) {
    this.#signal = signal
    this.#count = threadsFor(tasks)
  }

  /**
   * Does a task for each item.
   *
   * @returns the results, in the order of the items
   * @throws DiffWaveError `ABORTED`, and the errors of the task
   */
  async *map<Name extends TaskName, Item>(
    name: Name,
    items: readonly Item[],
    requestOf: (item: Item) => TaskRequest<Name>,
  ): AsyncGenerator<TaskResult<Name>, void, undefined> {
    const pending: Promise<TaskResult<Name>>[] = []
    const ahead = Math.max(1, AHEAD * this.#count)
    for (let next = 0; next < items.length || pending.length > 0; ) {
      throwIfAborted(this.#signal)
      for (; next < items.length && pending.length < ahead; next++) {
        const result = this.#do(name, requestOf(items[next]!))
        result.catch(() => {}) // awaited below, unless an earlier one fails
        pending.push(result)
      }
      yield await pending.shift()!
    }
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map(thread => thread.terminate()))
  }

  async #do<Name extends TaskName>(name: Name, request: TaskRequest<Name>): Promise<TaskResult<Name>> {
    if (this.#count === 0) {
      // Some tasks never yield, and a signal could not be noticed otherwise.
      await nextTurn()
      return (await tasks[name](request as never)) as TaskResult<Name>
    }
    const thread =
      this.#idle.pop() ?? this.#started() ?? (await new Promise<Worker>(resolve => this.#waiting.push(resolve)))
    try {
      return (await this.#answer(thread, { name, request })) as TaskResult<Name>
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(thread)
      else next(thread)
    }
  }

  /** Starts a thread; null if there are enough. */
  #started(): Worker | null {
    if (this.#threads.length >= this.#count) return null
    // The thread does not inherit the process's options: with `--input-type` a file cannot be run.
    const thread = new Worker(PROGRAM, { execArgv: [] })
    // A thread that is terminated may still report an error.
    thread.on('error', () => {})
    this.#threads.push(thread)
    return thread
  }

  #answer(thread: Worker, message: { readonly name: TaskName; readonly request: unknown }): Promise<unknown> {
    throwIfAborted(this.#signal)
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        this.#signal?.removeEventListener('abort', abort)
        thread.off('message', reply).off('error', fail).off('exit', exit)
        end()
      }
      const abort = () => settle(() => reject(abortError(this.#signal!.reason)))
      const reply = (reply: TaskReply) =>
        settle(() => ('result' in reply ? resolve(reply.result) : reject(receivedError(reply.failure))))
      const fail = (error: Error) => settle(() => reject(error))
      const exit = () => settle(() => reject(new Error('a thread that prepares recordings ended')))
      this.#signal?.addEventListener('abort', abort, { once: true })
      thread.on('message', reply).on('error', fail).on('exit', exit)
      thread.postMessage(message)
    })
  }
}

/** Chooses the number of threads for a number of tasks; 0 if the calling thread is to do them. */
function threadsFor(tasks: number): number {
  const count = Math.min(availableParallelism(), MAX_DATA_THREADS, Math.floor(tasks / TASKS_PER_THREAD))
  // Bundles that contain only the code of this package do not have the thread's program.
  return count < 2 || !allowsThreads() || !existsSync(PROGRAM) ? 0 : count
}
