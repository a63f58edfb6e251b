/** The reverse process against recorded trajectories of the reference, with the same noise. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { MelFeed } from '#src/audio/mel/feed'
import { sliceMel } from '#src/audio/mel/frames'
import { concatenateAudio } from '#src/core/concatenate'
import type { Tensor } from '#src/core/tensor'
import type { Denoiser } from '#src/denoiser/denoiser'
import { loadModel } from '#src/denoiser/load-model'
import type { NoiseSource } from '#src/diffusion/noise'
import { reverseProcess } from '#src/diffusion/reverse'
import { createSampler } from '#src/diffusion/samplers/create'
import type { Sampler } from '#src/diffusion/samplers/sampler'
import { surveyNative } from '#src/engines/native/engine'
import { surveyTensorflow } from '#src/engines/tensorflow/engine'
import { decodeSafetensors } from '#src/formats/safetensors'
import { melContext, receptiveRadius } from '#src/model/network'
import { relativeError } from '../support/numbers.js'
import { golden } from '../support/paths.js'

const native = surveyNative()
const libtensorflow = await surveyTensorflow('node')
const engines = [
  { engine: 'tensorflow:wasm', skip: false },
  { engine: 'tensorflow:node', skip: libtensorflow.available ? false : libtensorflow.reason },
  { engine: 'native', skip: native.available ? false : native.reason },
] as const

const FAST = ['fast', 6] as const
const FULL = ['full', 50] as const

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

for (const { engine, skip } of engines) {
  // A slow engine does not repeat 50 passes that native code has shown to be those of the reference.
  const slow = engine === 'tensorflow:wasm' && native.available
  const processes = slow ? [FAST] : [FAST, FULL]
  for (const folder of ['lmnt-conditional-c8-l6', 'lmnt-unconditional-c8-l6']) {
    test(`${engine}, ${folder}: the reverse process matches the reference`, { skip }, async () => {
      const of = tensorsOf(folder)
      await using model = await loadModel(golden(`${folder}/weights.pt`), { engine })
      for (const [kind, steps] of processes) {
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

  test(`${engine}: the trained checkpoint gives the waveform that the reference recorded`, { skip }, async () => {
    const of = tensorsOf('lmnt-speech-c32-l20')
    await using model = await loadModel('lmnt-speech', { engine })
    const mel = asMel(of('mel'))
    const noise = recorded(of('x_T'), of('noise'), 1)
    const sampler = createSampler(model.config.diffusion)
    if (engine === 'native') {
      const error = relativeError(await reverse(model, sampler, noise, mel), of('x_0').data)
      assert.ok(error < 1e-3, `${error}`)
      return
    }
    // A slow engine: the first pass over the start of the clip, as far as the cut at its end cannot be felt.
    const frames = 24
    const length = frames * 256
    const x = noise(0, 0, length)
    const steps = [sampler.steps[0]!]
    const [eps] = await model.predict({ audio: [x], steps, mel: [sliceMel(mel, 0, frames)] })
    const actual = sampler.update(0, { x, carried: null }, { epsilon: eps!, noise: noise(5, 0, length) }).x
    const compared = length - receptiveRadius(model.config.network) - 2 * 256
    const error = relativeError(actual.subarray(0, compared), of('x_5').data.subarray(0, compared))
    assert.ok(error < 1e-4, `${error}`)
  })
}
