/** The caller's side of the worker thread. It sends one request at a time, and failures become DiffWaveErrors. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { requireThreads } from '../../core/permission.js'
import { receivedError } from '../../core/sent-error.js'
import { firstLine } from '../../core/system-code.js'
import type { WorkerMessage, WorkerReply, WorkerResult, WorkerStart, WorkerTask } from './messages.js'
import { stopFlag } from './stop-flag.js'

/** The program of the thread. It is hidden from bundlers, which would look for the optional packages. */
const PROGRAM = new URL(/* webpackIgnore: true */ /* @vite-ignore */ './worker.js', import.meta.url)

interface PendingTask {
  readonly resolve: (result: WorkerResult) => void
  readonly reject: (error: DiffWaveError) => void
}

/** The engine's thread as its client uses it. */
export interface EngineThread {
  on(event: 'message', listener: (reply: WorkerReply) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'exit', listener: () => void): unknown
  postMessage(message: WorkerMessage): void
  ref(): void
  unref(): void
  terminate(): Promise<unknown>
}

/** @throws DiffWaveError `ENGINE_UNAVAILABLE` with the reason */
function startThread(start: WorkerStart): EngineThread {
  requireThreads(`the tensorflow:${start.backend} engine`)
  if (!existsSync(PROGRAM)) {
    throw new DiffWaveError(
      'ENGINE_UNAVAILABLE',
      `the tensorflow:${start.backend} engine is not available: its thread is not part of this bundle`,
      { where: fileURLToPath(PROGRAM), hint: 'Leave diffwave out of the bundle, as an external package.' },
    )
  }
  // Native packages print to stderr when they are loaded, which a library must not do. The thread does not inherit
  // the options of the process: with `--input-type` (node --eval) a file cannot even be run.
  return new Worker(PROGRAM, { workerData: start, execArgv: [], stdout: true, stderr: true })
}

type ResultOf<Kind> = Extract<WorkerResult, { kind: Kind }>

export class WorkerClient {
  readonly #waiting = new Map<number, PendingTask>()
  #nextId = 1
  #ended: DiffWaveError | undefined

  readonly #worker: EngineThread

  private constructor(worker: EngineThread) {
    this.#worker = worker
    worker.on('message', (reply: WorkerReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (this.#waiting.size === 0) worker.unref()
      if (waiting === undefined) return
      if ('result' in reply) waiting.resolve(reply.result)
      else waiting.reject(receivedError(reply.failure))
    })
    worker.on('error', error => {
      this.#end(new DiffWaveError('ENGINE_FAILED', `TensorFlow.js’s thread failed: ${error.message}`, { cause: error }))
    })
    worker.on('exit', () => {
      this.#end(new DiffWaveError('ENGINE_FAILED', 'TensorFlow.js’s thread ended'))
    })
  }

  /**
   * Starts the thread.
   *
   * @param ownThread in place of a worker thread, for tests
   * @throws DiffWaveError `ENGINE_UNAVAILABLE` with the reason
   */
  static async start(start: WorkerStart, ownThread = startThread): Promise<WorkerClient> {
    let worker: EngineThread | undefined
    try {
      worker = ownThread(start)
      const client = new WorkerClient(worker)
      await new Promise<WorkerResult>((resolve, reject) => client.#waiting.set(0, { resolve, reject }))
      return client
    } catch (error) {
      await worker?.terminate()
      if (error instanceof DiffWaveError && error.code === 'ENGINE_UNAVAILABLE') throw error
      const problem = `the tensorflow:${start.backend} engine is not available: ${firstLine(error)}`
      throw new DiffWaveError('ENGINE_UNAVAILABLE', problem, { cause: error })
    }
  }

  /** @throws DiffWaveError `DISPOSED`, `ENGINE_FAILED` if the thread has ended */
  checkAlive(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  #end(error: DiffWaveError): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }

  /**
   * Sends a task to the worker. The process stays alive only while an answer is pending.
   *
   * @param signal stops the task at the next layer of the network, or before it begins
   * @throws DiffWaveError `ABORTED`, `DISPOSED`, `ENGINE_FAILED`
   */
  async ask<Kind extends WorkerTask['kind']>(
    task: Extract<WorkerTask, { kind: Kind }>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Kind>> {
    this.checkAlive()
    throwIfAborted(signal)
    const id = this.#nextId++
    this.#worker.ref()
    const answer = new Promise<WorkerResult>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, task, stop: stopFlag(signal) } satisfies WorkerMessage)
    })
    const result = await answer.catch((error: unknown) => {
      // Only this side knows the signal's reason.
      throwIfAborted(this.#ended === undefined ? signal : undefined)
      throw error
    })
    throwIfAborted(signal)
    return result as ResultOf<Kind>
  }

  async dispose(): Promise<void> {
    this.#end(new DiffWaveError('DISPOSED', 'the engine was disposed'))
    await this.#worker.terminate()
  }
}
