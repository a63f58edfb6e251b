/** The thread of TensorFlow.js, which works synchronously on a CPU and would block the caller's event loop. */
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerStart } from './messages.js'
import { serve } from './serve.js'

void serve(parentPort!, workerData as WorkerStart)
