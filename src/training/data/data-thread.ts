/** Program of a thread that prepares recordings (data-threads.ts). It does one task at a time. */
import { parentPort } from 'node:worker_threads'
import { DiffWaveError } from '../../core/errors.js'
import { sentError } from '../../core/sent-error.js'
import { typedArrayBuffers } from '../../core/typed-array-buffers.js'
import { type TaskName, type TaskReply, tasks } from './data-tasks.js'

parentPort!.on('message', async ({ name, request }: { readonly name: TaskName; readonly request: never }) => {
  try {
    const result = await tasks[name](request)
    parentPort!.postMessage({ result } satisfies TaskReply, typedArrayBuffers(result))
  } catch (error) {
    // Any other error is a bug, and ends the thread.
    if (!(error instanceof DiffWaveError)) throw error
    parentPort!.postMessage({ failure: sentError(error) } satisfies TaskReply)
  }
})
