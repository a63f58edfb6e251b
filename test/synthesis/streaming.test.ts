/** On every available engine, a stream in chunks of any size has the bytes of the whole. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sliceMel } from '#src/audio/mel/frames'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { readModel } from '#src/model/read-model'
import { Vocoder } from '#src/vocoder'
import { createInSameThread } from '../engines/tensorflow/same-thread.js'
import { collect } from '../support/audio.js'
import { golden } from '../support/paths.js'

const { config, parameters } = await readModel(golden('lmnt-conditional-c8-l6/weights.pt'))
const native = surveyNative()
const longMel = {
  data: gaussian(1, 0, 0, 80 * 40).map(value => Math.min(1, Math.max(0, 0.4 + value / 10))),
  bands: 80,
  frames: 40,
}

for (const [name, skip, create] of [
  [
    'native',
    native.available ? false : native.reason,
    () => createNativeEngine({ network: config.network, parameters }),
  ],
  ['tensorflow:wasm', false, () => createInSameThread({ network: config.network, parameters, backend: 'wasm' })],
] as const) {
  test(`${name}: a stream returns the bytes of synthesize for every chunk size`, { skip }, async () => {
    const vocoder = new Vocoder(new Denoiser(config, await create()))
    // A slow engine, for which one and a quarter of its windows have a seam and an end.
    const mel = name === 'native' ? longMel : sliceMel(longMel, 0, 20)
    const { frames } = mel
    try {
      for (const sampler of name === 'native' ? (['ddpm', 'dpm-solver++'] as const) : (['ddpm'] as const)) {
        const options = { seed: 3, steps: 2, sampler, refine: sampler === 'ddpm' ? 3 : 0 }
        const { samples } = await vocoder.synthesize(mel, options)
        async function* arriving(size: number) {
          for (let start = 0; start < frames; start += size) yield sliceMel(mel, start, Math.min(frames, start + size))
        }
        const streams = [
          [1, arriving(9)],
          [7, mel],
          [16, arriving(9)],
          [frames, mel],
        ] as const
        for (const [chunkFrames, source] of name === 'native' ? streams : streams.slice(0, 1)) {
          const streamed = await collect(vocoder.stream(source, { ...options, chunkFrames }))
          assert.deepEqual(streamed, samples, `${sampler}, ${chunkFrames} frames at a time`)
        }
      }
    } finally {
      await vocoder.dispose()
    }
  })
}
