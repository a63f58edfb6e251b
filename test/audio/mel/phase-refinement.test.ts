/**
 * Refinement piece by piece must agree with `griffinLim` over the whole clip, started from the same audio.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readWav } from '#src/audio/codecs/read-wav'
import { type Mel, type MelConvention, namedConventions, refinementObstacle } from '#src/audio/mel/convention'
import { sliceMel } from '#src/audio/mel/frames'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { MelInverse } from '#src/audio/mel/inverse'
import { melSpectrogram } from '#src/audio/mel/mel'
import { PhaseRefinement, refined, refinementLookAhead } from '#src/audio/mel/phase-refinement'
import { FrameTransform, framePadding } from '#src/audio/transforms/stft'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import { golden } from '../../support/paths.js'
import { refinedConventions, smallConvention, unrefined } from '../../support/refinement.js'

const { tacotron2, hifigan, lmnt } = namedConventions
const conventions = [
  ...refinedConventions,
  smallConvention(),
  smallConvention({ windowLength: 60, hop: 24, framing: 'edge' }),
]

const recording = await readWav(golden('mel/LJ001-0001.wav'))

test('pieces of any size give the bytes of the whole clip, in any convention', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...conventions),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(0, 0.5, 0.99),
      fc.constantFrom(1, 1.5, 1.8),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 }),
      fc.nat(99),
      async (convention, frames, iterations, momentum, relaxation, sizes, seed) => {
        const { mel, start } = unrefined(convention, frames, seed)
        const { hop, fftSize } = convention
        const whole = await griffinLim(mel, convention, { iterations, momentum, relaxation, start })
        const refinement = new PhaseRefinement(convention, { iterations, momentum, relaxation })
        const pieces: Float32Array[] = []
        let [fed, told, given] = [0, 0, 0]
        for (let i = 0; fed < start.length; i++) {
          const end = Math.min(start.length, fed + sizes[i % sizes.length]!)
          // No more of the mel than covers the audio.
          const covered = Math.ceil(end / hop)
          if (covered > told) refinement.pushMel(sliceMel(mel, told, covered))
          told = Math.max(told, covered)
          for (const piece of refinement.push(start.subarray(fed, end), false)) {
            pieces.push(piece)
            given += piece.length
          }
          fed = end
          assert.ok(given >= fed - refinementLookAhead(convention, iterations) - hop, `${given} of ${fed}, ${fftSize}`)
        }
        pieces.push(...refinement.push(new Float32Array(0), true))
        assert.deepEqual(concatenateAudio(pieces), whole.samples)
      },
    ),
    { numRuns: 25 },
  )
})

/** Mean distance to a mel, in the convention's numbers. */
function distance(samples: Float32Array, mel: Mel, convention: MelConvention): number {
  const made = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
  const frames = Math.min(made.frames, mel.frames)
  const [a, b] = [made, mel].map(one => sliceMel(one, 0, frames).data)
  return a!.reduce((sum, value, i) => sum + Math.abs(value - b![i]!), 0) / a!.length
}

/** What Griffin-Lim makes small: how far a spectrum is from the wanted magnitudes, as a share of them. */
function inconsistency(samples: Float32Array, mel: Mel, convention: MelConvention): number {
  const wanted = new MelInverse(convention).magnitudes(mel)
  const transform = new FrameTransform(convention)
  const padded = new Float32Array(samples.length + 2 * convention.fftSize)
  padded.set(samples, framePadding(convention))
  let [wrong, all] = [0, 0]
  // The frames that lie wholly in the clip.
  for (let frame = 3; frame < mel.frames - 3; frame++) {
    const spectrum = transform.forward(padded, frame * convention.hop)
    for (let bin = 0; bin < transform.bins; bin++) {
      const magnitude = wanted[frame * transform.bins + bin]!
      wrong += (Math.hypot(spectrum[2 * bin]!, spectrum[2 * bin + 1]!) - magnitude) ** 2
      all += magnitude ** 2
    }
  }
  return Math.sqrt(wrong / all)
}

test('iterations reduce the distance to the mel, and relaxation and momentum help', () => {
  const samples = recording.samples.subarray(20_000, 20_000 + 25 * 256)
  for (const convention of [tacotron2, hifigan]) {
    const mel = melSpectrogram({ samples, sampleRate: 22050 }, convention)
    const start = gaussian(3, 0, 0, mel.frames * 256).map(z => 0.05 * z)
    const after = (iterations: number, momentum: number, relaxation = 1) => {
      const refinement = new PhaseRefinement(convention, { iterations, momentum, relaxation })
      refinement.pushMel(mel)
      return concatenateAudio([...refinement.push(start, true)])
    }
    const made = [start, after(1, 0.99), after(16, 0.99)]
    const distances = made.map(samples => distance(samples, mel, convention))
    assert.ok(distances[1]! < distances[0]! / 2 && distances[2]! < 0.8 * distances[1]!, distances.join(' '))
    const relaxed = distance(after(16, 0.99, 1.7), mel, convention)
    assert.ok(relaxed < 0.95 * distances[2]!, `${relaxed}, without relaxation ${distances[2]}`)
    const shares = [made[1]!, after(16, 0), made[2]!].map(samples => inconsistency(samples, mel, convention))
    assert.ok(shares[1]! < 0.9 * shares[0]! && shares[2]! < 0.9 * shares[1]!, shares.join(' '))
  }
})

test('a mel of powers is approached, too', () => {
  const convention = smallConvention({ power: 2 })
  const samples = recording.samples.subarray(20_000, 20_000 + 200 * 16)
  const mel = sliceMel(melSpectrogram({ samples, sampleRate: 22_050 }, convention), 0, 200)
  const refinement = new PhaseRefinement(convention, { iterations: 4, momentum: 0, relaxation: 1 })
  refinement.pushMel(mel)
  const start = gaussian(3, 0, 0, samples.length).map(z => 0.05 * z)
  const made = concatenateAudio([...refinement.push(start, true)])
  const [before, after] = [start, made].map(audio => distance(audio, mel, convention))
  assert.ok(after! < before! / 2, `${before} → ${after}`)
})

test('frequencies above the mel’s range are kept', () => {
  const rate = tacotron2.sampleRate
  const tone = Float32Array.from({ length: 40 * 256 }, (_, i) => 0.1 * Math.sin((2 * Math.PI * 9500 * i) / rate))
  const mel = { data: new Float32Array(80 * 40).fill(Math.log(1e-5)), bands: 80, frames: 40 }
  const refinement = new PhaseRefinement(tacotron2, { iterations: 8, momentum: 0.99, relaxation: 1.8 })
  refinement.pushMel(mel)
  const made = concatenateAudio([...refinement.push(tone, true)])
  for (let i = 2048; i < tone.length - 2048; i++) assert.ok(Math.abs(made[i]! - tone[i]!) < 1e-3, `${i}`)
})

test('silence stays finite and silent', () => {
  const hum = Float32Array.from({ length: 20 * 256 }, (_, i) => Math.sin(i / 9) * Math.min(1, i / 2000, 2 - i / 2560))
  for (const start of [new Float32Array(20 * 256), hum]) {
    const silent = { data: new Float32Array(80 * 20).fill(Math.log(1e-5)), bands: 80, frames: 20 }
    const refinement = new PhaseRefinement(tacotron2, { iterations: 8, momentum: 0.99, relaxation: 1.8 })
    refinement.pushMel(silent)
    const made = concatenateAudio([...refinement.push(start, true)])
    assert.equal(made.length, start.length)
    assert.ok(made.every(x => Math.abs(x) < 2e-4))
  }
})

test('refining a whole clip yields to the event loop and stops on a signal', async () => {
  const { mel, start } = unrefined(tacotron2, 100, 1)
  async function* audio() {
    yield start
  }
  const run = (signal?: AbortSignal) => {
    const refinement = new PhaseRefinement(tacotron2, { iterations: 20, momentum: 0.99, relaxation: 1 })
    refinement.pushMel(mel)
    return refined(audio(), refinement, signal)
  }
  let turns = 0
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  let given = 0
  for await (const piece of run()) given += piece.length
  clearImmediate(next)
  assert.equal(given, start.length)
  // 2000 frames of work, 500 a turn.
  assert.ok(turns >= 4, String(turns))
  const stop = new AbortController()
  await assert.rejects(
    async () => {
      for await (const _ of run(stop.signal)) stop.abort()
    },
    { code: 'ABORTED' },
  )
})

test('refinementObstacle names windows of too few or too many hops', () => {
  assert.equal(refinementObstacle(tacotron2), null)
  assert.match(refinementObstacle({ ...tacotron2, hop: 512 })!, /two and a half/)
  assert.match(refinementObstacle({ ...tacotron2, hop: 31 })!, /32/)
})

test('transforming a frame there and back multiplies it by the squared window', () => {
  for (const fftSize of [16, 64, 512, 1024]) {
    const transform = new FrameTransform({ fftSize, windowLength: fftSize, hop: fftSize / 4 })
    const samples = Float64Array.from(gaussian(fftSize, 0, 0, fftSize))
    const back = new Float64Array(fftSize)
    transform.inverseAdd(transform.forward(samples, 0), back, 0)
    back.forEach((x, i) => {
      assert.ok(Math.abs(x - samples[i]! * transform.window[i]! ** 2) < 1e-12)
    })
  }
})

test('audio that already fits its mel is left as it is', () => {
  const samples = recording.samples.slice(20_000, 20_000 + 40 * 256)
  for (const convention of [tacotron2, lmnt]) {
    const mel = melSpectrogram({ samples, sampleRate: 22050 }, { ...convention, framing: 'centre' })
    const refinement = new PhaseRefinement(
      { ...convention, framing: 'centre' },
      { iterations: 16, momentum: 0.99, relaxation: 1.8 },
    )
    refinement.pushMel(mel)
    const start = new Float32Array(mel.frames * 256)
    start.set(samples.subarray(0, start.length))
    const made = concatenateAudio([...refinement.push(start, true)])
    let [error, energy] = [0, 0]
    for (let i = 2048; i < samples.length - 4096; i++) {
      error += (made[i]! - samples[i]!) ** 2
      energy += samples[i]! ** 2
    }
    assert.ok(error < 1e-4 * energy, `${convention.bands} bands: ${error / energy}`)
  }
})
