/** The worker thread leaves the event loop free, stops between windows, and does not keep the process alive. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mock, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { DiffWaveError } from '#src/core/errors'
import { gaussian } from '#src/core/random'
import { sentError } from '#src/core/sent-error'
import { surveyEngines } from '#src/engines/select'
import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import type { WorkerMessage } from '#src/engines/tensorflow/messages'
import { networkSchema } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { randomParameters } from '../../support/parameters.js'
import { distUrl } from '../../support/paths.js'

const network = networkSchema.parse({ stepEmbedding: smallStepEmbedding, channels: 8, layers: 6, dilationCycle: 6 })
const create = () => createTensorflowEngine({ network, parameters: randomParameters(network, 1), backend: 'wasm' })
const request = { audio: [gaussian(1, 0, 0, 24_000)], steps: [3] }

/** Calls a function with each task that is sent to the thread, before it is sent. */
function watchTasks(onTask: (message: WorkerMessage) => void): { stop(): void } {
  const send = Worker.prototype.postMessage
  const watched = mock.method(Worker.prototype, 'postMessage', function (this: Worker, message: WorkerMessage) {
    onTask(message)
    return send.call(this, message)
  })
  return { stop: () => watched.mock.restore() }
}

test('the event loop stays free during work, and an abort leaves out further windows', async () => {
  const engine = await create()
  const controller = new AbortController()
  let [windows, isFree] = [0, false]
  const tasks = watchTasks(() => {
    if (++windows === 2) controller.abort()
  })
  try {
    await assert.rejects(engine.predict({ ...request, signal: controller.signal }), { code: 'ABORTED' })
    assert.equal(windows, 2)
    // It is still good for other work, of which there would have been more.
    setImmediate(() => {
      isFree = true
    })
    await engine.predict(request)
    assert.ok(isFree)
    assert.ok(windows > 2 + 2, `${windows - 2} windows`)
  } finally {
    tasks.stop()
    await engine.dispose()
  }
})

test('a flag in shared memory stops work in the thread, and no tensor is left behind', async () => {
  const engine = await create()
  const audio = [gaussian(1, 0, 0, 4000)]
  const works = [
    (signal: AbortSignal) => engine.predict({ audio, steps: [3], signal }),
    (signal: AbortSignal) => engine.lossGradients({ audio, steps: [3], target: audio, loss: 'l2', signal }),
  ]
  try {
    for (const work of works) {
      await work(new AbortController().signal)
      const held = await engine.tensorCount()
      const tasks = watchTasks(({ stop }) => Atomics.store(stop!, 0, 1))
      await assert.rejects(work(new AbortController().signal), { code: 'ABORTED' }).finally(() => tasks.stop())
      const controller = new AbortController()
      const stopped = assert.rejects(work(controller.signal), { code: 'ABORTED', cause: 'enough' })
      setTimeout(() => controller.abort('enough'), 1)
      await stopped
      assert.equal(await engine.tensorCount(), held)
    }
  } finally {
    await engine.dispose()
  }
})

test('an engine is not available if its thread does not start, whatever the reason', async () => {
  const failure = sentError(new DiffWaveError('ENGINE_FAILED', 'no memory'))
  for (const [event, value] of [
    ['error', new Error('no memory')],
    ['message', { id: 0, failure }],
  ] as const) {
    let terminated = 0
    const thread = Object.assign(new EventEmitter(), {
      postMessage() {},
      ref() {},
      unref() {},
      terminate: async () => void terminated++,
    })
    setImmediate(() => thread.emit(event, value))
    const started = createTensorflowEngine(
      { network, parameters: randomParameters(network, 1), backend: 'wasm' },
      () => thread,
    )
    await assert.rejects(started, { code: 'ENGINE_UNAVAILABLE', message: /^the tensorflow:wasm engine .*no memory$/ })
    assert.equal(terminated, 1)
  }
})

test('disposing of an engine ends its work, and disposing twice does no harm', async () => {
  const engine = await create()
  const target = request.audio
  const running = [
    assert.rejects(engine.predict(request), { code: 'DISPOSED' }),
    assert.rejects(engine.lossGradients({ ...request, target, loss: 'l2' }), { code: 'DISPOSED' }),
  ]
  await engine.dispose()
  await Promise.all(running)
  await engine.dispose()
  await assert.rejects(engine.setParameters(randomParameters(network, 2)), { code: 'DISPOSED' })
})

test('a process that never disposes of its engine still exits', () => {
  const module = (path: string) => JSON.stringify(distUrl(`${path}.js`))
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { createTensorflowEngine } from ${module('engines/tensorflow/engine')}
       import { networkSchema } from ${module('model/network')}
       import { parameterSpecs } from ${module('model/parameters')}
       const network = networkSchema.parse({ channels: 1, layers: 1, dilationCycle: 1 })
       const zeros = shape => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
       const parameters = new Map(parameterSpecs(network).map(({ name, shape }) => [name, zeros(shape)]))
       const engine = await createTensorflowEngine({ network, parameters, backend: 'wasm' })
       const [epsilon] = await engine.predict({ audio: [new Float32Array(7)], steps: [0] })
       console.log(epsilon.length)`,
    ],
    { encoding: 'utf8', timeout: 20_000 },
  )
  assert.equal(status, 0)
  assert.equal(stdout, '7\n')
})

test('the survey names every engine, with a reason for those that are not available', async () => {
  const survey = await surveyEngines()
  assert.deepEqual(
    survey.map(({ name }) => name),
    ['native', 'wasm', 'tensorflow:cuda', 'tensorflow:node', 'tensorflow:wasm', 'tensorflow:cpu'],
  )
  for (const { name, available, reason } of survey) {
    assert.equal(reason === '', available, name)
    if (/wasm|cpu/.test(name)) assert.ok(available, reason)
  }
})
