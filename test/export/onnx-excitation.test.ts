/** An exported graph starts voiced speech from the pitch and the pulses that our engines find. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { conventionSchema } from '#src/audio/mel/convention'
import { readWhole } from '#src/audio/mel/feed'
import { sliceMel } from '#src/audio/mel/frames'
import { melSpectrogram } from '#src/audio/mel/mel'
import { MelPitch, type PitchMethod } from '#src/audio/mel/pitch'
import { pitchNetworkSchema } from '#src/audio/mel/pitch-network'
import { gaussian } from '#src/core/random'
import { domainOf } from '#src/data-domain/domain-of'
import { type ExcitationSignals, Exciter, pulseShares } from '#src/data-domain/excitation'
import { excitationGraph } from '#src/export/onnx/excitation'
import { FrontEndGraph } from '#src/export/onnx/front-end'
import { OnnxGraph } from '#src/formats/onnx'
import { readMel } from '#src/formats/read-mel'
import { readModel } from '#src/model/read-model'
import { relativeError } from '../support/numbers.js'
import { type OnnxSession, openOnnx } from '../support/onnx.js'
import { golden, inRepository } from '../support/paths.js'

const convention = conventionSchema.parse('tacotron2')
const { hop, sampleRate } = convention
const names = ['pulses', 'noise', 'voicing'] as const

/** What our engines start from. */
function excitationOf(mel: Mel, method: PitchMethod, white: Float32Array): ExcitationSignals {
  const exciter = new Exciter(hop, sampleRate)
  exciter.push(new MelPitch(convention, method).track(mel), true)
  const samples = mel.frames * hop
  return exciter.advance(samples, 0, samples, (start, count) => white.subarray(start, start + count))
}

/** Harmonics of a pitch that glides from 90 to 320 Hz, with a pause. */
function glide(seconds: number): Mel {
  let phase = 0
  const samples = Float32Array.from({ length: seconds * sampleRate }, (_, i) => {
    const share = i / (seconds * sampleRate)
    phase += (90 * (320 / 90) ** share) / sampleRate
    if (share > 0.4 && share < 0.6) return 0
    return [1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, k) => sum + (0.05 / k) * Math.sin(2 * Math.PI * k * phase), 0)
  })
  return melSpectrogram({ samples, sampleRate }, convention)
}

const level = (frames: number, value: number): Mel => ({
  data: new Float32Array(80 * frames).fill(value),
  bands: 80,
  frames,
})

const network = pitchNetworkSchema.parse(
  JSON.parse(readFileSync(`${golden('pytorch-windows')}/pitch-network.json`, 'utf8')),
)

for (const method of ['mean', network] as const)
  describe(`the excitation in a graph, with pitch by ${method === 'mean' ? 'mean' : 'network'}`, () => {
    let session: OnnxSession
    before(async () => {
      const graph = new OnnxGraph({ name: 'excitation' })
      const mel = graph.input('mel', ['batch', 80, 'frames'])
      const white = graph.input('white', ['batch', 'samples'])
      const made = excitationGraph(graph, mel, convention, method, white)
      for (const name of names) graph.output(made[name], name, ['batch', 'samples'])
      session = await openOnnx(graph.bytes())
    })
    after(() => session.release())

    const run = (mels: readonly Mel[], whites: readonly Float32Array[]) => {
      const joined = (clips: readonly Float32Array[]) => Float32Array.from(clips.flatMap(clip => [...clip]))
      return session.run({
        mel: { shape: [mels.length, 80, mels[0]!.frames], data: joined(mels.map(({ data }) => data)) },
        white: { shape: [mels.length, whites[0]!.length], data: joined(whites) },
      })
    }

    test('equals that of our engines for speech, a glide, silence and noise of any length', async () => {
      const speech = (await readMel(inRepository('samples/LJ001-0002.npy'), 80)).mel
      const noise: Mel = { data: gaussian(8, 0, 0, 80 * 40).map(value => value - 4), bands: 80, frames: 40 }
      let voiced = 0
      for (const mel of [
        speech,
        ...[1, 2, 5, 12, 13, 14, 31].map(frames => sliceMel(speech, 40, 40 + frames)),
        glide(1.5),
        level(1, -11),
        level(30, 0),
        noise,
      ]) {
        const white = gaussian(9, 0, 0, mel.frames * hop)
        const expected = excitationOf(mel, method, white)
        const made = await run([mel], [white])
        for (const name of names) {
          const error = Math.max(...expected[name].map((value, i) => Math.abs(value - made[name]![i]!)))
          assert.ok(error < 2e-6, `${mel.frames} frames, ${name}: ${error}`)
        }
        voiced += expected.voicing.filter(v => v > 0).length
      }
      assert.ok(voiced > sampleRate, String(voiced))
    })

    test('is the same for clips of one call as for each clip alone', async () => {
      const clips = [
        glide(1),
        level(87, -11),
        sliceMel((await readMel(inRepository('samples/LJ001-0002.npy'), 80)).mel, 0, 87),
      ]
      const whites = clips.map((_, i) => gaussian(i, 0, 0, 87 * hop))
      const made = await run(clips, whites)
      clips.forEach((clip, i) => {
        const expected = excitationOf(clip, method, whites[i]!)
        for (const name of names) {
          const own = made[name]!.subarray(i * 87 * hop, (i + 1) * 87 * hop)
          if (expected[name].some(value => value !== 0))
            assert.ok(relativeError(own, expected[name]) < 1e-6, `${i}, ${name}`)
          else assert.ok(own.every(value => value === 0))
        }
      })
    })
  })

describe('the graph starts a clip as our engines do', () => {
  for (const phase of ['zero', 'minimum'] as const) {
    test(`with ${phase} phase`, async () => {
      const { config } = await readModel(golden('pytorch-windows'))
      const harmonics = { corner: 3000, noise: 0.3, phase, pitch: 'mean' as const }
      const frontEnd = config.network.frontEnd!
      const graph = new OnnxGraph({ name: 'start' })
      const mel = graph.input('mel', ['batch', 80, 'frames'])
      const white = graph.input('white', ['batch', 'samples'])
      const written = new FrontEndGraph({ graph, frontEnd, parameters: new Map(), convention, mel, samplesOf: white })
      const excitation = excitationGraph(graph, mel, convention, 'mean', white)
      const shares = pulseShares(frontEnd, sampleRate, harmonics)
      graph.output(written.voiced(shares, phase, excitation), 'start', ['batch', 'samples'])
      const session = await openOnnx(graph.bytes())
      try {
        const clip = sliceMel((await readMel(inRepository('samples/LJ001-0002.npy'), 80)).mel, 0, 80)
        const noise = gaussian(9, 0, 0, clip.frames * hop)
        const { start } = await session.run({
          mel: { shape: [1, 80, clip.frames], data: clip.data },
          white: { shape: [1, noise.length], data: noise },
        })
        const diffusion = { ...config.diffusion, prior: { kind: 'front-end' as const, harmonics } }
        const expected = domainOf({ ...config, diffusion }).start(readWhole(clip))(
          (from, count) => noise.subarray(from, from + count),
          0,
          noise.length,
        )
        assert.ok(relativeError(start!, expected) < 1e-4, String(relativeError(start!, expected)))
      } finally {
        await session.release()
      }
    })
  }
})
