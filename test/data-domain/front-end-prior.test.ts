/** The prior of a windowed front end: noise of the mel's envelope, and pulses that voiced speech starts from. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { MelFeed, readWhole } from '#src/audio/mel/feed'
import { sliceMel } from '#src/audio/mel/frames'
import { melSpectrogram } from '#src/audio/mel/mel'
import { MelPitch, type PitchMethod, pitchLag, pitchObstacle } from '#src/audio/mel/pitch'
import { CANDIDATES } from '#src/audio/mel/pitch-candidates'
import { pitchNetworkSchema } from '#src/audio/mel/pitch-network'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import { domainOf } from '#src/data-domain/domain-of'
import { Exciter, PULSE_HALF_WIDTH } from '#src/data-domain/excitation'
import { bestPath } from '#src/data-domain/pulse-alignment'
import { decodeSafetensors } from '#src/formats/safetensors'
import { readModel } from '#src/model/read-model'
import { relativeError } from '../support/numbers.js'
import { golden } from '../support/paths.js'

const folder = golden('pytorch-windows')
const { config } = await readModel(folder)
const recorded = decodeSafetensors(readFileSync(`${folder}/harmonics.safetensors`), folder).tensors
const of = (name: string): Float32Array => recorded.get(name)!.data
const convention = config.mel!
const mel = { data: of('mel'), bands: 80, frames: of('mel').length / 80 }
const white = of('white')
const draw = (start: number, count: number) => white.subarray(start, start + count)
const domainWith = (phase: 'zero' | 'minimum', pitch: PitchMethod = 'mean') => {
  const harmonics = { corner: 3000, noise: 0.3, phase, pitch }
  return domainOf({ ...config, diffusion: { ...config.diffusion, prior: { kind: 'front-end', harmonics } } })
}
const domain = domainWith('zero')
/** Without harmonics. */
const plain = domainOf(config)

const network = pitchNetworkSchema.parse(JSON.parse(readFileSync(`${folder}/pitch-network.json`, 'utf8')))
const methods: readonly PitchMethod[] = ['mean', network]
const nameOf = (method: PitchMethod) => (method === 'mean' ? 'by the mean' : 'by a network')

describe('the pitch of a mel', () => {
  for (const method of methods) {
    const expected = of(method === 'mean' ? 'pitch' : 'pitch_by_network')

    test(`${nameOf(method)} equals that of interop/pytorch`, () => {
      const pitch = new MelPitch(convention, method).track(mel)
      assert.ok(relativeError(Float32Array.from(pitch), expected) < 1e-5)
      assert.ok(method === 'mean' || relativeError(expected, of('pitch')) > 1e-3)
    })

    test(`${nameOf(method)} is the same for a mel in pieces, and is known after its lag`, () => {
      const whole = new MelPitch(convention, method).track(mel)
      for (const size of [1, 7, 60]) {
        const stream = new MelPitch(convention, method).stream()
        const found: number[] = []
        for (let at = 0; at < mel.frames; at += size) {
          const end = Math.min(mel.frames, at + size)
          found.push(...stream.push(sliceMel(mel, at, end), end === mel.frames))
          assert.ok(found.length >= end - pitchLag(method))
        }
        assert.deepEqual(found, [...whole])
      }
    })
  }

  test('follows a voice that glides, stops and returns', () => {
    const pitch = new MelPitch(convention).track(mel)
    const within = (frame: number, hertz: number) => Math.abs(Math.log2(pitch[frame]! / hertz)) < 1 / 24
    assert.ok(within(5, 110 * 3 ** (5 / 30)), `${pitch[5]}`)
    assert.ok(within(20, 110 * 3 ** (20 / 30)), `${pitch[20]}`)
    assert.equal(pitch[36], 0)
    assert.ok(within(50, 200), `${pitch[50]}`)
  })

  test('comes from levels down to 7 below the loudest; softer ones count as that', () => {
    const finder = new MelPitch(convention)
    const scoresAbove = (rest: number) => {
      const data = Float32Array.from({ length: 80 }, (_, band) => (band % 5 === 2 ? 0 : rest))
      const scores = new Float64Array(CANDIDATES)
      finder.scores({ data, bands: 80, frames: 1 }, 0, scores)
      return scores
    }
    assert.deepEqual(scoresAbove(-11), scoresAbove(-7))
    assert.notDeepEqual(scoresAbove(-6.5), scoresAbove(-7))
  })

  test('refuses a network whose weights are too few, not finite or not base64', () => {
    const refused = (change: object, message: RegExp) => {
      const { success, error } = pitchNetworkSchema.safeParse({ ...network, ...change })
      assert.ok(!success)
      assert.match(String(error), message)
    }
    refused({ hidden: network.hidden + 1 }, /as many float32 as the shape needs/)
    refused({ weights: `*${network.weights.slice(1)}` }, /must be base64/)
    refused({ weights: `AACAfw${network.weights.slice(6)}` }, /must be finite/)
    refused({ frames: 9 }, /frames/)
  })

  test('needs centred frames, magnitudes, and bands that resolve harmonics', () => {
    assert.equal(pitchObstacle(convention), null)
    assert.match(pitchObstacle(namedConventions.hifigan)!, /centred/)
    assert.match(pitchObstacle({ ...convention, power: 2 })!, /magnitudes/)
    assert.match(pitchObstacle({ ...convention, bands: 30 })!, /24 bands/)
  })

  test('is 0 in silence', () => {
    const silence = { data: new Float32Array(80 * 20).fill(Math.log(1e-5)), bands: 80, frames: 20 }
    assert.deepEqual(new MelPitch(convention).track(silence), new Float64Array(20))
  })
})

describe('the noise of a clip', () => {
  test('can be drawn several times in order, each reader at its own place', () => {
    const [size, lag] = [640, 3]
    const whole = plain.noise(readWhole(mel))(draw, 0, white.length)
    const ordered = plain.noise(readWhole(mel), { times: 2 })
    const drawn: Float32Array[][] = [[], []]
    for (let step = 0; step * size < white.length + lag * size; step++) {
      for (const [i, at] of [step * size, (step - lag) * size].entries()) {
        if (at < 0 || at >= white.length) continue
        drawn[i]!.push(ordered(draw, at, Math.min(size, white.length - at)))
      }
    }
    for (const pieces of drawn) assert.deepEqual(concatenateAudio(pieces), whole)
    assert.throws(() => ordered(draw, 0, size), RangeError)
  })
})

test('noise and start of a clip that is shorter than its mel end with the clip', () => {
  const hiss = (frames: number) => ({ data: new Float32Array(80 * frames).fill(-4), bands: 80, frames })
  const length = 10 * convention.hop
  const within = (start: number, count: number) => {
    assert.ok(start + count <= length)
    return draw(start, count)
  }
  for (const kind of ['noise', 'start'] as const) {
    const short = domain[kind](readWhole(hiss(20)), { length })(within, 0, length)
    assert.deepEqual(short, domain[kind](readWhole(hiss(10)))(draw, 0, length))
  }
})

describe('the excitation', () => {
  const made = (pitch: number) => {
    const exciter = new Exciter(256, 22050)
    exciter.push(new Float64Array(86).fill(pitch), true)
    return exciter.advance(86 * 256, 0, 86 * 256, (start, count) => gaussian(3, 0, start, count))
  }
  const power = (x: Float32Array) => x.reduce((sum, value) => sum + value * value, 0) / x.length

  test('has pulses at the pitch and noise, each with the power of white noise', () => {
    const { pulses, noise, voicing } = made(200)
    // A pulse's window takes some of the highest frequencies away.
    assert.ok(power(pulses) > 0.9 && power(pulses) < 1, `${power(pulses)}`)
    assert.ok(Math.abs(power(noise) - 1) < 0.1, `${power(noise)}`)
    assert.ok(voicing.every(v => v === 1))
    const peaks = pulses.filter((value, i) => value > 4 && value >= pulses[i - 1]! && value > pulses[i + 1]!)
    assert.ok(Math.abs(peaks.length - (200 * pulses.length) / 22050) <= 2, `${peaks.length}`)
  })

  test('is only the noise where there is no pitch', () => {
    const { pulses, noise, voicing } = made(0)
    assert.ok(pulses.every(value => value === 0) && voicing.every(v => v === 0))
    assert.deepEqual(noise, gaussian(3, 0, 0, noise.length))
  })

  test('is final up to half a pulse before its end', () => {
    const whole = made(333).pulses
    const exciter = new Exciter(256, 22050)
    exciter.push(new Float64Array(86).fill(333), true)
    const piece = exciter.advance(5000, 0, 86 * 256, (start, count) => gaussian(3, 0, start, count))
    assert.equal(PULSE_HALF_WIDTH, 8)
    assert.deepEqual(piece.pulses, whole.subarray(0, 5000))
  })

  test('has the same bytes in pieces of any length', () => {
    const [frames, length] = [400, 400 * 256]
    const pitch = Float64Array.from({ length: frames }, (_, frame) => 150 + 70 * Math.sin(frame / 9))
    const inPieces = (size: number) => {
      const exciter = new Exciter(256, 22050)
      exciter.push(pitch, true)
      const pulses: Float32Array[] = []
      for (let at = 0; at < length; at += size) {
        const end = Math.min(length, at + size)
        const piece = exciter.advance(end, at, length, (start, count) => gaussian(3, 0, start, count))
        pulses.push(piece.pulses.slice(at - piece.first, end - piece.first))
      }
      return concatenateAudio(pulses)
    }
    const whole = inPieces(length)
    for (const size of [128, 2048, 32_768]) assert.deepEqual(inPieces(size), whole)
  })
})

describe('pulses aligned to a recording', () => {
  test('equal those of interop/pytorch', () => {
    const pulses = domain.pulsesOf!(mel)
    const { later, agreement } = pulses.align(of('recording'))
    assert.ok(later.every((shift, i) => Math.abs(shift - of('later')[i]!) < 1e-3))
    const inverted = pulses.align(of('recording').map(sample => -sample)).agreement
    assert.ok(relativeError(Float32Array.of(agreement, inverted), of('agreement')) < 1e-4)
    assert.deepEqual(pulses.polarity(of('recording')), { recorded: agreement, inverted })
    const start = domainWith('minimum').pulsesOf!(mel).start(white.length, later)(draw, 0, white.length)
    assert.ok(relativeError(start, of('start_recorded')) < 1e-3, `${relativeError(start, of('start_recorded'))}`)
  })

  test('follow the best path around the circle of shifts', () => {
    const [shifts, reach, cost] = [64, 8, 80]
    const costOf = (from: number, to: number) => {
      const move = Math.min(Math.abs(from - to), shifts - Math.abs(from - to))
      return move > reach ? Number.POSITIVE_INFINITY : cost * (move / shifts) ** 2
    }
    for (let seed = 0; seed < 8; seed++) {
      const scores = Array.from({ length: 9 }, (_, p) => Float64Array.from(gaussian(seed, p, 0, shifts)))
      const path = bestPath(scores)
      const sum = path.reduce((total, state, p) => {
        return total + scores[p]![state]! - (p === 0 ? 0 : costOf(path[p - 1]!, state))
      }, 0)
      const best = scores.reduce((before, own) =>
        own.map((score, to) => score + Math.max(...before.map((reached, from) => reached - costOf(from, to)))),
      )
      assert.ok(Math.abs(sum - Math.max(...best)) < 1e-9, `${seed}: ${sum} of ${Math.max(...best)}`)
    }
  })

  test('are found at any delay, and agree more than with the inverted recording', () => {
    const samples = 40 * 256
    for (const delay of [0, 30, 77]) {
      const buzz = Float32Array.from({ length: samples }, (_, n) => ((n - delay) % 110 === 0 ? 1 : 0))
      const found = melSpectrogram({ samples: buzz, sampleRate: 22050 }, convention)
      const at = (recording: Float32Array) => {
        const { later, agreement } = domain.pulsesOf!(found).align(recording)
        const exciter = new Exciter(256, 22050, later)
        exciter.push(new MelPitch(convention).track(found), true)
        const { pulses } = exciter.advance(samples, 0, samples, (_, count) => new Float32Array(count))
        return { agreement, places: [...pulses.keys()].filter(n => pulses[n]! > 5 && n > 2048 && n < samples - 2048) }
      }
      const { agreement, places } = at(buzz)
      assert.ok(places.length > 40)
      for (const n of places) assert.ok(Math.abs(((n - delay + 55) % 110) - 55) <= 2, `${n} of ${delay}`)
      assert.ok(agreement > at(buzz.map(sample => -sample)).agreement)
    }
  })

  test('start synthesis as usual if they are not moved, however often they are aligned', () => {
    const pulses = domain.pulsesOf!(mel)
    const length = mel.frames * convention.hop
    const whole = domain.start(readWhole(mel))(draw, 0, length)
    assert.deepEqual(pulses.start(length)(draw, 0, length), whole)
    assert.deepEqual(pulses.align(of('recording')), pulses.align(of('recording')))
    assert.deepEqual(pulses.start(length, new Float64Array(length))(draw, 0, length), whole)
  })

  test('need a prior with harmonics', () => {
    assert.equal(plain.pulsesOf, undefined)
  })
})

describe('the starting noise of voiced speech', () => {
  for (const [phase, name] of [
    ['zero', 'start'],
    ['minimum', 'start_minimum'],
  ] as const) {
    test(`equals that of interop/pytorch, with ${phase} phase`, () => {
      const start = domainWith(phase).start(readWhole(mel))(draw, 0, white.length)
      assert.ok(relativeError(start, of(name)) < 1e-5, `${relativeError(start, of(name))}`)
    })
  }

  test('has the same bytes in pieces of any size, from a mel that arrives over time', async () => {
    const domain = domainWith('minimum', network)
    const whole = domain.start(readWhole(mel))(draw, 0, white.length)
    for (const [frames, size] of [
      [1, 128],
      [5, 640],
      [60, 2048],
    ] as const) {
      const feed = new MelFeed(mel, convention)
      const shape = domain.start(feed)
      const pieces: Float32Array[] = []
      let [at, arrived] = [0, 0]
      for await (const piece of feed.read(frames, true, undefined)) {
        arrived += piece.mel.frames
        const ready = piece.last ? white.length : Math.max(0, arrived - domain.melContext) * convention.hop
        for (; at < ready; at = Math.min(ready, at + size)) pieces.push(shape(draw, at, Math.min(size, ready - at)))
      }
      assert.deepEqual(concatenateAudio(pieces), whole)
    }
  })

  test('is the prior’s noise where a mel has no pitch, and everywhere without harmonics', () => {
    const hiss = { data: new Float32Array(80 * 20).fill(-4), bands: 80, frames: 20 }
    const count = 20 * convention.hop
    assert.deepEqual(domain.start(readWhole(hiss))(draw, 0, count), domain.noise(readWhole(hiss))(draw, 0, count))
    assert.deepEqual(plain.start(readWhole(mel))(draw, 0, count), plain.noise(readWhole(mel))(draw, 0, count))
  })
})
