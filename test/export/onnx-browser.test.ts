/** ONNX Runtime Web runs the exports of every shipped model in a page of a real browser. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { sliceMel } from '#src/audio/mel/frames'
import { gaussian } from '#src/core/random'
import { drawOfPass } from '#src/diffusion/noise'
import { createSampler } from '#src/diffusion/samplers/create'
import { exportOnnx } from '#src/export/onnx/export-onnx'
import { readMel } from '#src/formats/mel-file'
import { Generator } from '#src/generator'
import type { ModelConfig } from '#src/model/config'
import { Vocoder } from '#src/vocoder'
import { noBrowser, openPage } from '../support/chromium.js'
import { relativeError } from '../support/numbers.js'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'
import { serveFolders } from '../support/web-server.js'

const files = scratch()
/** The same on every processor, and as exact as ONNX Runtime's (onnx.test.ts). */
const OUR_ENGINE = { engine: 'wasm', threads: 1 } as const

/** A page that runs the model with the inputs of `run.json`, and returns the audio. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>running</title><link rel="icon" href="data:,">
<script type="module">
import { env, InferenceSession, Tensor } from '/ort/ort.wasm.min.mjs'
env.wasm.numThreads = 1
env.wasm.wasmPaths = '/ort/'
globalThis.runModel = async () => {
  const session = await InferenceSession.create('/run/model.onnx')
  const inputs = await (await fetch('/run/run.json')).json()
  const feeds = Object.entries(inputs).map(([name, { type, shape, data }]) =>
    [name, new Tensor(type, type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), shape)])
  const { audio } = await session.run(Object.fromEntries(feeds))
  await session.release()
  return [...audio.data]
}
</script>`

function noiseRows(config: ModelConfig, samples: number, choice: object) {
  const sampler = createSampler(config.diffusion, choice)
  const draws = sampler.steps.map((_, pass) => drawOfPass(sampler, pass)).filter(draw => draw !== null)
  const rows = [0, ...draws].map(draw => gaussian(3, draw, 0, samples))
  return { type: 'float32', shape: [1, rows.length, samples], data: rows.flatMap(row => [...row]) }
}

writeFileSync(files.at('page.html'), PAGE)
const { url } = await serveFolders({
  folders: { '/run': files.at(''), '/ort': inRepository('node_modules/onnxruntime-web/dist') },
})
/** One for all models, since ONNX Runtime takes longer to compile than a model to run. */
const page = noBrowser ? null : (await openPage(`${url}/run/page.html`)).page

/** What the export of a model makes of inputs in the page. */
async function runInPage(folder: string, choice: object, inputs: object): Promise<number[]> {
  await exportOnnx(inRepository(folder), files.at('model.onnx'), choice)
  writeFileSync(files.at('run.json'), JSON.stringify(inputs))
  return (await page!.evaluate('runModel()')) as number[]
}

describe('an ONNX export in Chromium agrees with our engine within 1e-4', { skip: noBrowser }, () => {
  for (const [folder, melFile, bands] of [
    ['models/speech', 'samples/LJ001-0002.npy', 80],
    ['models/speech-24khz', 'samples/vocos/LJ001-0002.npy', 100],
    ['models/lmnt-speech', 'samples/lmnt/de_rhasspy-0669.npy', 80],
  ] as const) {
    test(folder, async () => {
      // Two steps have the nodes of all. onnx.test.ts runs the default number.
      const choice = { steps: 2 }
      const vocoder = await Vocoder.load(inRepository(folder), OUR_ENGINE)
      const mel = sliceMel((await readMel(inRepository(melFile), bands)).mel, 0, 7)
      const { samples } = await vocoder.synthesize(mel, { seed: 3, refine: 0, ...choice })
      const { config } = vocoder
      await vocoder.dispose()
      const noise = noiseRows(config, 256 * 7, choice)
      const melInput = { type: 'float32', shape: [1, bands, 7], data: [...mel.data] }
      const error = relativeError(await runInPage(folder, choice, { mel: melInput, noise }), samples)
      assert.ok(error < 1e-4, String(error))
    })
  }

  for (const [folder, blocks] of [
    ['models/music', 5],
    ['models/digits', 71],
  ] as const) {
    test(folder, async () => {
      const generator = await Generator.load(inRepository(folder), OUR_ENGINE)
      const { config } = generator
      const samples = config.network.patch * blocks
      const label = config.network.labels![2]!
      // A loop, as their default numbers of steps are.
      const choice = { steps: 12 }
      const request = { ...choice, seed: 3, seconds: samples / config.sampleRate, label }
      const [clip] = await generator.generate(request)
      await generator.dispose()
      const noise = noiseRows(config, samples, choice)
      const inputs = { noise, label: { type: 'int64', shape: [1], data: [2] } }
      const error = relativeError(await runInPage(folder, choice, inputs), clip!.samples)
      assert.ok(error < 1e-4, String(error))
    })
  }
})
