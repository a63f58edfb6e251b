/** Runs an operation within its time. */
import { DiffWaveError } from '../../core/errors.js'
import type { OnProgress } from '../../core/progress.js'
import { Refusal } from '../refusal.js'
import type { Operation, OperationTools, Output } from './operation.js'

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
  const { workSeconds } = tools.limits
  const stop = new AbortController()
  const leave = () => stop.abort(around.signal.reason)
  if (around.signal.aborted) leave()
  around.signal.addEventListener('abort', leave, { once: true })
  const tooSlow = new Refusal(503, 'WORK_TIMEOUT', 'the work takes too long', {
    expected: `at most ${workSeconds} s`,
    got: 'more',
    hint: 'Request shorter audio or fewer steps.',
  })
  const timer = setTimeout(() => stop.abort(tooSlow), workSeconds * 1000)
  try {
    await operation.run({ ...tools, ...around, ...order, signal: stop.signal })
  } catch (error) {
    const stopped = error instanceof DiffWaveError && error.code === 'ABORTED'
    throw stopped && stop.signal.reason === tooSlow ? tooSlow : error
  } finally {
    clearTimeout(timer)
    around.signal.removeEventListener('abort', leave)
  }
}
