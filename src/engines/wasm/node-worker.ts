/** The entry of a worker thread in Node.js. */
import { parentPort } from 'node:worker_threads'
import { runWorker } from './worker-program.js'

const port = parentPort!
runWorker({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  onMessage: handle => void port.on('message', handle),
})
