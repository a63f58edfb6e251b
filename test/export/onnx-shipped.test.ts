/**
 * ONNX Runtime runs the exports of all shipped models, in the WebAssembly that pages load too. What other models become
 * in ONNX Runtime, onnx.test.ts compares.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { sliceMel } from '#src/audio/mel/frames'
import { exportOnnx } from '#src/export/onnx/export-onnx'
import { readMel } from '#src/formats/read-mel'
import { Generator } from '#src/generator'
import { Vocoder } from '#src/vocoder'
import { relativeError } from '../support/numbers.js'
import { noiseOf, type OnnxSession, openOnnx } from '../support/onnx.js'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'

const files = scratch()
/** The same on every processor, and as exact as ONNX Runtime's (onnx.test.ts). */
const OUR_ENGINE = { engine: 'wasm', threads: 1 } as const

/** Opens the export of a shipped model. */
async function opened(folder: string, choice: object): Promise<OnnxSession> {
  await exportOnnx(inRepository(folder), files.at('model.onnx'), choice)
  return openOnnx(readFileSync(files.at('model.onnx')))
}

describe('an ONNX export agrees with our engine within 1e-4', () => {
  for (const [folder, melFile, bands, choice] of [
    ['models/speech', 'samples/LJ001-0002.npy', 80, {}],
    // The others with few steps: a session opens in proportion to them, and takes longest.
    ['models/speech-24khz', 'samples/vocos/LJ001-0002.npy', 100, { steps: 2 }],
    ['models/lmnt-speech', 'samples/lmnt/de_rhasspy-0669.npy', 80, { steps: 2 }],
  ] as const) {
    test(folder, async () => {
      const session = await opened(folder, choice)
      const vocoder = await Vocoder.load(inRepository(folder), OUR_ENGINE)
      const { config } = vocoder
      const { mel: whole } = await readMel(inRepository(melFile), bands)
      // Where almost nothing is in a bin, rounding decides its phase, and the correction makes it as loud as the mel
      // says. One such bin can be most of a short clip's error: of 30 seeds of models/speech 6 reach 1e-4 at 7 frames
      // (one 5e-4), none goes beyond at 33 (typical 4e-5). So these lengths.
      for (const frames of [1, config.network.frontEnd === null ? 7 : 33]) {
        const mel = sliceMel(whole, 0, frames)
        const { samples } = await vocoder.synthesize(mel, { ...choice, seed: 1, refine: 0 })
        const noise = noiseOf(config, 1, 256 * frames, choice)
        const { audio } = await session.run({ mel: { shape: [1, bands, frames], data: mel.data }, noise })
        const error = relativeError(audio!, samples)
        assert.ok(error < 1e-4, `${frames} frames: ${error}`)
      }
      await vocoder.dispose()
      await session.release()
    })
  }

  for (const [folder, blocks] of [
    ['models/music', 5],
    ['models/digits', 71],
  ] as const) {
    test(`${folder}, with guidance and without a label`, async () => {
      // A loop, as their default numbers of steps are.
      const choice = { steps: 12 }
      const session = await opened(folder, choice)
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
        const { audio } = await session.run({
          noise: noiseOf(config, 3, samples, choice),
          label: { shape: [1], data: BigInt64Array.of(BigInt(used < 0 ? labels!.length : used)) },
        })
        const error = relativeError(audio!, clip!.samples)
        assert.ok(error < 1e-4, `label ${index}: ${error}`)
      }
      await generator.dispose()
      await session.release()
    })
  }
})
