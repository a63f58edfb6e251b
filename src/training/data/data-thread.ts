/** Program of a thread that prepares recordings (data-threads.ts). It does one task at a time. */
import { parentPort } from 'node:worker_threads'
import { DiffWaveError } from '../../core/errors.js'
import { sentError } from '../../core/sent-error.js'
import { type TaskName, type TaskReply, tasks } from './data-tasks.js'

/** Finds the buffers of all arrays in a result, so that they are transferred instead of copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : []
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(buffersOf) : []
}

parentPort!.on('message', async ({ name, request }: { readonly name: TaskName; readonly request: never }) => {
  try {
    const result = await tasks[name](request)
    parentPort!.postMessage({ result } satisfies TaskReply, [...new Set(buffersOf(result))])
  } catch (error) {
    // Any other error is a bug, and ends the thread.
    if (!(error instanceof DiffWaveError)) throw error
    parentPort!.postMessage({ failure: sentError(error) } satisfies TaskReply)
  }
})
