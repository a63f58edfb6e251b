/** The reverse process against recorded trajectories of the reference, with the same noise. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { MelFeed } from '#src/audio/mel/feed'
import { concatenateAudio } from '#src/core/concatenate'
import type { Tensor } from '#src/core/tensor'
import type { Denoiser } from '#src/denoiser/denoiser'
import { loadModel } from '#src/denoiser/load-model'
import type { NoiseSource } from '#src/diffusion/noise'
import { reverseProcess } from '#src/diffusion/reverse'
import { createSampler } from '#src/diffusion/samplers/create'
import type { Sampler } from '#src/diffusion/samplers/sampler'
import { decodeSafetensors } from '#src/formats/safetensors'
import { melContext } from '#src/model/network'
import { relativeError } from '../support/numbers.js'
import { golden } from '../support/paths.js'

/** Noise as recorded: `x_T`, and the noise of step n in row n − first. */
function recorded(xT: Tensor, noise: Tensor, first: number): NoiseSource {
  const length = xT.data.length
  return (draw, start, count) =>
    draw === 0
      ? xT.data.slice(start, start + count)
      : noise.data.slice((draw - first) * length + start, (draw - first) * length + start + count)
}

async function reverse(
  model: Denoiser,
  sampler: Sampler,
  noise: NoiseSource,
  input: Mel | number,
): Promise<Float32Array> {
  const pieces: Float32Array[] = []
  for await (const piece of reverseProcess({
    openStream: steps => model.engine.openStream({ steps }),
    sampler,
    prediction: 'epsilon',
    openNoise: () => noise,
    input:
      typeof input === 'number'
        ? { length: input }
        : { mel: new MelFeed(input, model.config.mel!), context: melContext(model.config.network.mel!) },
    chunk: 4096,
  })) {
    pieces.push(piece)
  }
  return concatenateAudio(pieces)
}

function tensorsOf(folder: string) {
  const path = golden(`${folder}/reverse.safetensors`)
  const { tensors } = decodeSafetensors(readFileSync(path), path)
  return (name: string): Tensor => {
    const tensor = tensors.get(name)
    assert.ok(tensor, `${name} is not in ${path}`)
    return tensor
  }
}

function asMel({ data, shape }: Tensor): Mel {
  return { data, bands: shape[0]!, frames: shape[1]! }
}

// The conformance of engines has shown that all of them predict what the reference does: one is enough here.
for (const folder of ['lmnt-conditional-c8-l6', 'lmnt-unconditional-c8-l6']) {
  test(`${folder}: the reverse process matches the reference`, async () => {
    const of = tensorsOf(folder)
    await using model = await loadModel(golden(`${folder}/weights.pt`))
    for (const [kind, steps] of [
      ['fast', 6],
      ['full', 50],
    ] as const) {
      const xT = of(`reverse.${kind}.x_T`)
      const sampler = createSampler(model.config.diffusion, { steps })
      assert.deepEqual([...sampler.steps].reverse(), [...of(`reverse.${kind}.steps`).data])
      const over = model.config.mel === null ? xT.data.length : asMel(of('mel'))
      const actual = await reverse(model, sampler, recorded(xT, of(`reverse.${kind}.noise`), 0), over)
      const error = relativeError(actual, of(`reverse.${kind}.x_0`).data)
      assert.ok(error < 1e-3, `${kind}: ${error}`)
    }
  })
}

test('the trained checkpoint gives the waveform that the reference recorded', async () => {
  const of = tensorsOf('lmnt-speech-c32-l20')
  await using model = await loadModel('lmnt-speech')
  const sampler = createSampler(model.config.diffusion)
  const actual = await reverse(model, sampler, recorded(of('x_T'), of('noise'), 1), asMel(of('mel')))
  const error = relativeError(actual, of('x_0').data)
  assert.ok(error < 1e-3, `${error}`)
})
