/** The worker thread leaves the event loop free, stops between windows, and does not keep the process alive. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gaussian } from '#src/core/random'
import { surveyEngines } from '#src/engines/select'
import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import { networkSchema } from '#src/model/network'
import { randomParameters } from '../../support/parameters.js'
import { inRepository } from '../../support/paths.js'

const network = networkSchema.parse({ channels: 16, layers: 6, dilationCycle: 6 })
const create = () => createTensorflowEngine({ network, parameters: randomParameters(network, 1), backend: 'wasm' })
const request = { audio: [gaussian(1, 0, 0, 80_000)], steps: [3] }

test('the event loop stays free while the engine works, and an abort stops the work', async () => {
  const engine = await create()
  try {
    const controller = new AbortController()
    let ticks = 0
    const timer = setInterval(() => {
      ticks++
      if (ticks === 10) controller.abort()
    }, 5)
    const started = performance.now()
    await assert.rejects(engine.predict({ ...request, signal: controller.signal }), { code: 'ABORTED' })
    const aborted = performance.now() - started
    clearInterval(timer)
    assert.ok(ticks >= 10)
    // It is still good for other work, and whole work takes far longer than what was stopped.
    await engine.predict(request)
    assert.ok(performance.now() - started - aborted > aborted)
  } finally {
    await engine.dispose()
  }
})

test('an abort stops a piece of work between two layers, on the way forth and back', async () => {
  const deep = networkSchema.parse({ channels: 16, layers: 16, dilationCycle: 4 })
  const engine = await createTensorflowEngine({ network: deep, parameters: randomParameters(deep, 1), backend: 'wasm' })
  const audio = [gaussian(1, 0, 0, 12_000)]
  const works = [
    { run: (signal?: AbortSignal) => engine.predict({ audio, steps: [3], ...(signal && { signal }) }), shares: [0.1] },
    {
      run: (signal?: AbortSignal) =>
        engine.lossGradients({ audio, steps: [3], target: audio, loss: 'l2', ...(signal && { signal }) }),
      shares: [0.1, 0.6],
    },
  ]
  const seconds = async (work: Promise<unknown>) => {
    const started = performance.now()
    await work
    return performance.now() - started
  }
  try {
    for (const { run, shares } of works) {
      await run()
      const whole = await seconds(run())
      const held = await engine.tensorCount()
      for (const share of shares) {
        const controller = new AbortController()
        const timer = setTimeout(() => controller.abort('enough'), share * whole)
        const stopped = await seconds(assert.rejects(run(controller.signal), { code: 'ABORTED', cause: 'enough' }))
        clearTimeout(timer)
        assert.ok(stopped < (share + 0.3) * whole, `${stopped / whole} of the whole, stopped at ${share}`)
        assert.equal(await engine.tensorCount(), held)
      }
    }
  } finally {
    await engine.dispose()
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
  const module = (path: string) => JSON.stringify(pathToFileURL(inRepository(`dist/${path}.js`)).href)
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
