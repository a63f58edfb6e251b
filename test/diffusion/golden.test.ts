/** The reverse process against trajectories that the reference recorded, with the noise it drew. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Mel } from '#src/audio/convention'
import { sliceMel } from '#src/diffusion/mel-pieces'
import { type NoiseSource, reverseProcess } from '#src/diffusion/reverse'
import { createSampler } from '#src/diffusion/samplers/create'
import { concatenateAudio } from '#src/diffusion/state-queue'
import { decodeSafetensors } from '#src/formats/safetensors'
import { loadModel } from '#src/load-model'
import type { Model } from '#src/model'
import { melContext, receptiveRadius } from '#src/model/config'
import type { Tensor } from '#src/tensor'
import { golden, inRepository } from '../support/paths.js'

const engines = ['tensorflow:wasm', 'native'] as const

/** Noise as recorded: `x_T`, and the noise of step n in row n − first. */
function recorded(xT: Tensor, noise: Tensor, first: number): NoiseSource {
  const length = xT.data.length
  return (draw, start, count) =>
    draw === 0
      ? xT.data.slice(start, start + count)
      : noise.data.slice((draw - first) * length + start, (draw - first) * length + start + count)
}

async function reverse(model: Model, steps: number, noise: NoiseSource, over: Mel | number): Promise<Float32Array> {
  const pieces: Float32Array[] = []
  for await (const piece of reverseProcess({
    openStream: told => model.engine.openStream({ steps: told }),
    sampler: createSampler(model.config.diffusion, { steps }),
    noise,
    over:
      typeof over === 'number'
        ? { length: over }
        : {
            source: over,
            convention: model.config.mel!,
            context: melContext(model.config.network.mel!),
            prior: null,
          },
    chunk: 4096,
  })) {
    pieces.push(piece)
  }
  return concatenateAudio(pieces)
}

function relativeError(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length)
  let difference = 0
  let norm = 0
  actual.forEach((value, i) => {
    difference += (value - expected[i]!) ** 2
    norm += expected[i]! ** 2
  })
  return Math.sqrt(difference / norm)
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

for (const engine of engines) {
  for (const folder of ['lmnt-conditional-c8-l6', 'lmnt-unconditional-c8-l6']) {
    test(`${engine}, ${folder}: fast and full reverse process`, async () => {
      const of = tensorsOf(folder)
      await using model = await loadModel(golden(`${folder}/weights.pt`), { engine })
      for (const [kind, steps] of [
        ['fast', 6],
        ['full', 50],
      ] as const) {
        const xT = of(`reverse.${kind}.x_T`)
        const expected = of(`reverse.${kind}.x_0`).data
        const over = model.config.mel === null ? xT.data.length : asMel(of('mel'))
        const actual = await reverse(model, steps, recorded(xT, of(`reverse.${kind}.noise`), 0), over)
        const error = relativeError(actual, expected)
        assert.ok(error < 1e-3, `${kind}: ${error}`)
      }
    })
  }

  // The whole clip where the engine is fast; else its start, as far as the cut at the end cannot be felt.
  const frames = engine === 'native' ? 160 : 72

  test(`${engine}: the trained checkpoint gives the waveform the reference recorded`, async () => {
    const of = tensorsOf('lmnt-speech-c32-l20')
    await using model = await loadModel(inRepository('models/lmnt-speech'), { engine })
    const mel = asMel(of('mel'))
    const reach = frames === mel.frames ? 0 : 6 * receptiveRadius(model.config.network) + 2 * 256
    const noise = recorded(of('x_T'), of('noise'), 1)
    const actual = await reverse(model, 6, noise, sliceMel(mel, 0, frames))
    const compared = frames * 256 - reach
    const error = relativeError(actual.subarray(0, compared), of('x_0').data.subarray(0, compared))
    assert.ok(error < 1e-3, `${error}`)
  })
}
