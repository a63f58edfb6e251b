/**
 * Runs an operation within its time. Time in which it waits for its reader is counted apart, because a player that
 * reads at the speed of the audio takes as long as the audio lasts.
 */
import { DiffWaveError } from '../../core/errors.js'
import type { OnProgress } from '../../core/progress.js'
import { Refusal } from '../refusal.js'
import type { Operation, OperationTools, Output } from './operation.js'
import { PausableTimer } from './pausable-timer.js'

/** What a client asked for, checked. */
export interface Order {
  readonly operation: Operation
  /** As the operation's schema returns them. */
  readonly options: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

interface Surroundings {
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  readonly output: Output
}

/** @throws Refusal `WORK_TIMEOUT`; and what the operation throws */
export async function runOperation(
  { operation, ...order }: Order,
  tools: OperationTools,
  around: Surroundings,
): Promise<void> {
  const { workSeconds, seconds } = tools.limits
  const stop = new AbortController()
  const leave = () => stop.abort(around.signal.reason)
  if (around.signal.aborted) leave()
  around.signal.addEventListener('abort', leave, { once: true })
  const tooSlow = new Refusal(503, 'WORK_TIMEOUT', 'the work takes too long', {
    expected: `at most ${workSeconds} s`,
    hint: 'Request shorter audio or fewer steps.',
  })
  const readTooSlowly = new Refusal(503, 'WORK_TIMEOUT', 'the result is read too slowly', {
    expected: `at most ${seconds} s of waiting for its reader`,
    hint: 'Save the result to a file first, or submit a job and fetch its result later.',
  })
  const working = new PausableTimer(workSeconds, () => stop.abort(tooSlow))
  const waiting = new PausableTimer(seconds, () => stop.abort(readTooSlowly))
  const output: Output = {
    open: head => around.output.open(head),
    event: (name, facts) => around.output.event(name, facts),
    write: async bytes => {
      working.pause()
      waiting.run()
      try {
        await around.output.write(bytes)
      } finally {
        waiting.pause()
        working.run()
      }
    },
  }
  working.run()
  try {
    await operation.run({ ...tools, ...around, ...order, output, signal: stop.signal })
  } catch (error) {
    const { reason } = stop.signal
    const stopped = error instanceof DiffWaveError && error.code === 'ABORTED'
    throw stopped && (reason === tooSlow || reason === readTooSlowly) ? reason : error
  } finally {
    working.pause()
    waiting.pause()
    around.signal.removeEventListener('abort', leave)
  }
}
