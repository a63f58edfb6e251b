/** A decoder thread: does one task at a time. */
import { parentPort } from 'node:worker_threads'
import { typedArrayBuffers } from '../../core/typed-array-buffers.js'
import { isFault, problemOf } from '../problem.js'
import type { Answer } from './message.js'
import { type TaskName, tasks } from './tasks.js'

function answerOf(error: unknown): Answer {
  if (!isFault(error)) return { problem: problemOf(error) }
  return { fault: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

parentPort!.on('message', async ({ name, request }: { readonly name: TaskName; readonly request: never }) => {
  try {
    const result = await tasks[name](request)
    parentPort!.postMessage({ result } satisfies Answer, typedArrayBuffers(result))
  } catch (error) {
    parentPort!.postMessage(answerOf(error))
  }
})
