/** What closed streams have freed goes back to the system, also where the allocator would keep it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { networkShape } from '#src/engines/native/network-shape'
import { networkSchema } from '#src/model/network'
import { randomParameters } from '../../support/parameters.js'

const { available } = surveyNative()
const releases = available && loadAddon().releaseFreeMemory !== undefined

test('releaseFreeMemory gives back what closed streams have freed', { skip: !releases }, async () => {
  const network = networkSchema.parse({ channels: 32, layers: 4, dilationCycle: 4 })
  const engine = await createNativeEngine({ network, parameters: randomParameters(network, 1), threads: 1 })
  const before = process.memoryUsage.rss()
  const streams = Array.from({ length: 48 }, () => engine.openStream({ steps: [3, 1] }))
  const audio = new Float32Array(4096)
  for (const stream of streams) for (const pass of [0, 1]) await stream.predict(pass, audio, false)
  const open = process.memoryUsage.rss() - before
  for (const stream of streams) stream.dispose()
  await engine.dispose()

  const addon = loadAddon()
  const shape = networkShape(network)
  const options = { instructionSet: 'scalar', threads: 1, memoryLimit: 0, fast: false, winograd: true }
  assert.equal(await addon.releaseFreeMemory!(addon.create({ shape, ...options })), 0)
  const kept = process.memoryUsage.rss() - before
  assert.ok(open > 2 ** 26, `the streams took only ${open} bytes`)
  assert.ok(kept < open / 3, `${kept} of ${open} bytes are kept`)
})
