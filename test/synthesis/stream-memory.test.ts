/** The memory of a stream whose prior has a deviation for every position. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Denoiser } from '#src/denoiser/denoiser'
import { readModel } from '#src/model/read-model'
import { Vocoder } from '#src/vocoder'
import { someMel } from '../support/audio.js'
import { fakeEngine } from '../support/fake-engine.js'
import { bytesInUse } from '../support/memory.js'
import { golden } from '../support/paths.js'

const { config: whole } = await readModel(golden('pytorch-windows'))
const { frontEnd } = whole.network
/** Its envelope, which takes most of the time, is only roughly right. */
const config = {
  ...whole,
  network: { ...whole.network, frontEnd: { ...frontEnd!, envelope: { ...frontEnd!.envelope!, iterations: 1 } } },
}

/** A mel in the convention's natural logarithm, in pieces, so that it is never in memory whole. */
async function* arriving(frames: number) {
  for (let start = 0; start < frames; start += 50) {
    const mel = someMel(50, start)
    yield { ...mel, data: mel.data.map(value => 8 * value - 8) }
  }
}

for (const sampler of ['ddim', 'ddpm'] as const) {
  test(`a stream with ${sampler} keeps no more of a long clip than of a short one`, async () => {
    const [frames, warmUp] = [2000, 200]
    const vocoder = new Vocoder(new Denoiser(config, fakeEngine(config.network)))
    const { hop } = config.mel!
    let made = 0
    const inUse: number[] = []
    for await (const piece of vocoder.stream(arriving(frames), { seed: 1, steps: 4, sampler, refine: 0 })) {
      made += piece.length
      if (made > (inUse.length === 0 ? warmUp : frames - 100) * hop) inUse.push(await bytesInUse())
      if (inUse.length === 2) break
    }
    const grown = inUse[1]! - inUse[0]!
    // A deviation takes 4 bytes per bin and position: those of the frames in between are 1.3 MB.
    assert.ok(grown < 2 ** 19, `${grown} bytes more after ${frames} frames than after ${warmUp}`)
  })
}
