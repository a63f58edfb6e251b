/**
 * An engine whose thread is that of the test. TensorFlow.js is then loaded, and compiled by V8, once for all networks,
 * which otherwise takes most of a test's time. What the thread adds is tested in thread.test.ts.
 */
import { MessageChannel } from 'node:worker_threads'
import { createTensorflowEngine, type TensorflowOptions } from '#src/engines/tensorflow/engine'
import { serve } from '#src/engines/tensorflow/serve'

export function createInSameThread(options: TensorflowOptions) {
  return createTensorflowEngine(options, start => {
    const { port1, port2 } = new MessageChannel()
    void serve(port2, start)
    return Object.assign(port1, { terminate: async () => port1.close() })
  })
}
