/** The entry of a worker thread in Node.js. */
import { parentPort } from 'node:worker_threads'
import { serve } from './serve.js'

const port = parentPort!
serve({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  onMessage: handle => void port.on('message', handle),
})
