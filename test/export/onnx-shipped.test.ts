/**
 * ONNX Runtime Web runs the exports of all shipped models in a page of a real browser; in Node.js if there is none.
 * What other models become in ONNX Runtime, onnx.test.ts compares.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { sliceMel } from '#src/audio/mel/frames'
import { exportOnnx } from '#src/export/onnx/export-onnx'
import { readMel } from '#src/formats/mel-file'
import { Generator } from '#src/generator'
import { Vocoder } from '#src/vocoder'
import { noBrowser, openPage } from '../support/chromium.js'
import { relativeError } from '../support/numbers.js'
import { noiseOf, type OnnxInput, openOnnx } from '../support/onnx.js'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'
import { serveFolders } from '../support/web-server.js'

const files = scratch()
/** The same on every processor, and as exact as ONNX Runtime's (onnx.test.ts). */
const OUR_ENGINE = { engine: 'wasm', threads: 1 } as const

/** A page that opens the model, and then makes audio of the inputs of `run.json`. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>running</title><link rel="icon" href="data:,">
<script type="module">
import { env, InferenceSession, Tensor } from '/ort/ort.wasm.min.mjs'
env.wasm.numThreads = 1
env.wasm.wasmPaths = '/ort/'
let session
globalThis.openModel = async () => {
  await session?.release()
  session = await InferenceSession.create('/run/model.onnx')
}
globalThis.runModel = async () => {
  const inputs = await (await fetch('/run/run.json')).json()
  const feeds = Object.entries(inputs).map(([name, { type, shape, data }]) =>
    [name, new Tensor(type, type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), shape)])
  const { audio } = await session.run(Object.fromEntries(feeds))
  return [...audio.data]
}
</script>`

type Inputs = Readonly<Record<string, OnnxInput>>
/** What a model makes of inputs. */
type Run = (inputs: Inputs) => Promise<ArrayLike<number>>

writeFileSync(files.at('page.html'), PAGE)
const { url } = await serveFolders({
  folders: { '/run': files.at(''), '/ort': inRepository('node_modules/onnxruntime-web/dist') },
})
/** One for all models, since ONNX Runtime takes longer to compile than a model to run. */
const page = noBrowser ? null : (await openPage(`${url}/run/page.html`)).page

const asJson = (inputs: Inputs) =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => {
        const isLabel = data instanceof BigInt64Array
        return [name, { type: isLabel ? 'int64' : 'float32', shape, data: Array.from(data as Float32Array, Number) }]
      }),
    ),
  )

/** Opens the export of a shipped model. */
async function opened(folder: string, choice: object): Promise<Run> {
  await exportOnnx(inRepository(folder), files.at('model.onnx'), choice)
  if (page === null) {
    const session = await openOnnx(readFileSync(files.at('model.onnx')))
    return async inputs => (await session.run(inputs))['audio']!
  }
  await page.evaluate('openModel()')
  return async inputs => {
    writeFileSync(files.at('run.json'), asJson(inputs))
    return (await page.evaluate('runModel()')) as number[]
  }
}

describe(`an ONNX export ${noBrowser ? 'in Node.js' : 'in Chromium'} agrees with our engine within 1e-4`, () => {
  for (const [folder, melFile, bands] of [
    ['models/speech', 'samples/LJ001-0002.npy', 80],
    ['models/speech-24khz', 'samples/vocos/LJ001-0002.npy', 100],
    ['models/lmnt-speech', 'samples/lmnt/de_rhasspy-0669.npy', 80],
  ] as const) {
    test(folder, async () => {
      const run = await opened(folder, {})
      const vocoder = await Vocoder.load(inRepository(folder), OUR_ENGINE)
      const { config } = vocoder
      const { mel: whole } = await readMel(inRepository(melFile), bands)
      // Where almost nothing is in a bin, rounding decides its phase, and the correction makes it as loud as the mel
      // says. One such bin can be most of a short clip's error: of 30 seeds of models/speech 6 reach 1e-4 at 7 frames
      // (one 5e-4), none goes beyond at 33 (typical 4e-5). So these lengths.
      for (const frames of [1, config.network.frontEnd === null ? 7 : 33]) {
        const mel = sliceMel(whole, 0, frames)
        const { samples } = await vocoder.synthesize(mel, { seed: 1, refine: 0 })
        const noise = noiseOf(config, 1, 256 * frames)
        const made = await run({ mel: { shape: [1, bands, frames], data: mel.data }, noise })
        const error = relativeError(made, samples)
        assert.ok(error < 1e-4, `${frames} frames: ${error}`)
      }
      await vocoder.dispose()
    })
  }

  for (const [folder, blocks] of [
    ['models/music', 5],
    ['models/digits', 71],
  ] as const) {
    test(`${folder}, with guidance and without a label`, async () => {
      // A loop, as their default numbers of steps are.
      const choice = { steps: 12 }
      const run = await opened(folder, choice)
      const generator = await Generator.load(inRepository(folder), OUR_ENGINE)
      const { config } = generator
      const { labels, patch } = config.network
      const samples = patch * blocks
      for (const index of [2, labels!.length]) {
        const [clip] = await generator.generate({
          ...choice,
          seed: 3,
          seconds: samples / config.sampleRate,
          label: labels![index] ?? null,
        })
        // A model that draws labels has drawn one.
        const used = clip!.label === null ? -1 : labels!.indexOf(clip!.label)
        const made = await run({
          noise: noiseOf(config, 3, samples, choice),
          label: { shape: [1], data: BigInt64Array.of(BigInt(used < 0 ? labels!.length : used)) },
        })
        const error = relativeError(made, clip!.samples)
        assert.ok(error < 1e-4, `label ${index}: ${error}`)
      }
      await generator.dispose()
    })
  }
})
