/** Mels against the recorded ones (test/golden/mel), and their checks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { checkMelFor } from '#src/audio/mel/check-mel'
import { type Mel, type MelConvention, melConventionSchema, namedConventions } from '#src/audio/mel/convention'
import { cornerFrequencies } from '#src/audio/mel/filters'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { melInTurns, melSpectrogram } from '#src/audio/mel/mel'
import { melNotes } from '#src/audio/mel/notes'
import { conventionWith, convertMel, rescaleMel } from '#src/audio/mel/rescale'
import { gaussian } from '#src/core/random'
import { readMel } from '#src/formats/read-mel'
import { meanDifference, relativeError } from '../../support/numbers.js'
import { golden } from '../../support/paths.js'

for (const [name, bound] of [
  ['lmnt', 1e-5],
  ['tacotron2', 1e-4],
] as const) {
  test(`${name}: the mel of LJ001-0001 equals the recorded one`, async () => {
    const mel = melSpectrogram(await readWav(golden('mel/LJ001-0001.wav')), namedConventions[name])
    const recorded = await readMel(golden(`mel/LJ001-0001.${name}.npy`))
    assert.equal(mel.frames, recorded.mel.frames)
    assert.ok(meanDifference(mel.data, recorded.mel.data) < bound)
  })
}

for (const [name, source] of [
  ['vocos', 'torchaudio’s, as gemelo-ai/vocos calls it'],
  ['amphion', 'NVIDIA/BigVGAN’s, with librosa’s filters'],
] as const) {
  test(`${name}: the mel of 48,000 samples at 24 kHz equals ${source}`, async () => {
    const { samples } = await readWav(golden('mel/LJ001-0001.wav'))
    const audio = { samples: samples.slice(0, 48_000), sampleRate: 24_000 }
    const mel = melSpectrogram(audio, namedConventions[name])
    const recorded = await readMel(golden(`mel/LJ001-0001.${name}.npy`), 100)
    assert.equal(mel.frames, recorded.mel.frames)
    const differences = mel.data.map((value, i) => Math.abs(value - recorded.mel.data[i]!))
    // The recorded ones were computed in float32.
    assert.ok(Math.max(...differences) < 5e-4)
    assert.ok(meanDifference(mel.data, recorded.mel.data) < 5e-6)
  })
}

test('hifigan frames lie half a hop before those of tacotron2, and are one fewer', () => {
  const samples = gaussian(1, 0, 0, 256 * 20)
  const hifigan = melSpectrogram({ samples, sampleRate: 22050 }, namedConventions.hifigan)
  const tacotron2 = melSpectrogram({ samples, sampleRate: 22050 }, namedConventions.tacotron2)
  assert.equal(hifigan.frames, 20)
  assert.equal(tacotron2.frames, 21)
  // Frame f is centred on sample f × 256 + 128: tacotron2's frame of a signal that starts 128 samples later.
  const later = melSpectrogram({ samples: samples.slice(128), sampleRate: 22050 }, namedConventions.tacotron2)
  const frame = (mel: Mel, f: number) => Array.from({ length: 80 }, (_, band) => mel.data[band * mel.frames + f]!)
  assert.ok(meanDifference(frame(hifigan, 8), frame(later, 8)) < 1e-5)
})

test('a frame of an odd hop lies in the middle of its hop, as with any other hop', () => {
  const samples = gaussian(1, 0, 0, 15 * 20 + 7)
  const of = (hop: number) => melSpectrogram({ samples, sampleRate: 22050 }, { ...namedConventions.hifigan, hop })
  const [fine, coarse] = [of(5), of(15)]
  assert.equal(coarse.frames, 20)
  assert.ok(coarse.data.every(Number.isFinite))
  // The second of three short hops has the middle of the long one.
  const expected = coarse.data.map((_, i) => fine.data[Math.floor(i / 20) * fine.frames + 3 * (i % 20) + 1]!)
  assert.deepEqual(coarse.data, expected)
})

test('a mel of powers grows with the square of the amplitude', () => {
  const samples = gaussian(1, 0, 0, 2000).map(x => 0.1 * x)
  const convention: MelConvention = { ...namedConventions.tacotron2, power: 2, logarithm: 'none', floor: 0 }
  const of = (gain: number) => melSpectrogram({ samples: samples.map(x => gain * x), sampleRate: 22_050 }, convention)
  assert.ok(
    relativeError(
      of(3).data,
      of(1).data.map(x => 9 * x),
    ) < 1e-5,
  )
})

test('takes values a little beyond the range of a convention, in proportion to it', () => {
  const filled = (value: number) => ({ data: new Float32Array(80).fill(value), bands: 80, frames: 1 })
  const { lmnt, tacotron2 } = namedConventions
  const low = Math.log(1e-5)
  checkMelFor(filled(low - 0.4), tacotron2, 'a')
  checkMelFor(filled(1.04), lmnt, 'a')
  for (const [value, convention] of [
    [low - 0.6, tacotron2],
    [1.06, lmnt],
    [-0.06, lmnt],
  ] as const) {
    assert.throws(() => checkMelFor(filled(value), convention, 'a'), { code: 'MEL_RANGE' })
  }
})

test('refuses a mel of another convention and names that convention', async () => {
  const audio = await readWav(golden('mel/LJ001-0001.wav'))
  const lmnt = melSpectrogram(audio, namedConventions.lmnt)
  const tacotron2 = melSpectrogram(audio, namedConventions.tacotron2)
  checkMelFor(lmnt, namedConventions.lmnt, 'a')
  checkMelFor(tacotron2, namedConventions.tacotron2, 'a')
  assert.throws(() => checkMelFor(tacotron2, namedConventions.lmnt, 'a'), { code: 'MEL_RANGE', hint: /tacotron2/ })
  assert.throws(() => checkMelFor(lmnt, namedConventions.tacotron2, 'a'), {
    ...{ code: 'MEL_RANGE', hint: /lmnt/ },
    // All of its values lie in the range.
    message: /expected -11.51 … 9.23 \(tacotron2\), some of them below 0, got 0.00 … /,
  })
  // As torch.log(mel + 1e-9), and as a mel that is 11 too high.
  const fine = { ...tacotron2, data: tacotron2.data.map(value => Math.log(Math.exp(value) - 1e-5 + 1e-9)) }
  const loud = { ...tacotron2, data: tacotron2.data.map(value => value + 11) }
  const { tacotron2: convention } = namedConventions
  assert.throws(() => checkMelFor(fine, convention, 'a'), { code: 'MEL_RANGE', hint: /floor is lower.* to -11\.51/ })
  assert.throws(() => checkMelFor(loud, convention, 'a'), { code: 'MEL_RANGE', hint: /own convention: `[^`]*`\.$/ })
  const espnet = { ...tacotron2, data: tacotron2.data.map(value => value / Math.LN10) }
  assert.throws(() => checkMelFor(espnet, namedConventions.lmnt, 'a'), { code: 'MEL_RANGE', hint: /ESPnet/ })
})

test('takes mels whose upper bands are normalised to larger values than the lowest', async () => {
  const audio = await readWav(golden('mel/LJ001-0001.wav'))
  const mean = Array.from({ length: 80 }, (_, band) => (band === 0 ? -4 : -8))
  const deviation = Array.from({ length: 80 }, (_, band) => (band === 0 ? 3 : 0.5))
  const convention = conventionWith(namedConventions.tacotron2, { statistics: { mean, deviation } })
  checkMelFor(melSpectrogram(audio, convention), convention, 'a')
})

test('takes loud noise, in which every band of some conventions is positive', () => {
  const samples = gaussian(1, 0, 0, 2000).map(x => x / 4)
  const { tacotron2, vocos } = namedConventions
  for (const convention of [vocos, conventionWith(tacotron2, { statistics: { mean: [-6], deviation: [2] } })]) {
    const mel = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
    // A piece of a stream may be one frame.
    const positive = { data: mel.data.filter((_, i) => i % mel.frames === 4).map(x => Math.max(x, 0)), frames: 1 }
    checkMelFor({ ...positive, bands: mel.bands }, convention, 'a')
  }
})

test('takes loud noise and tones in few bands, of which every value is positive', () => {
  const refused: string[] = []
  const shape = { filterNorm: 'none', hop: 1024, fftSize: 1024, windowLength: 1024 } as const
  for (const [bands, change] of [1, 2, 5].flatMap(bands => [
    [bands, {}],
    [bands, { windowNormalised: true }],
    [bands, { windowNormalised: true, power: 2, logarithm: 'log10' }],
    [bands, { filterNorm: 'slaney', minFrequency: 300, maxFrequency: 1200 }],
    [bands, { fftSize: 16_384, windowLength: 16_384, logarithm: 'none' }],
  ]) as [number, Partial<MelConvention>][]) {
    const convention = { ...namedConventions.tacotron2, ...shape, ...change, bands }
    const { sampleRate, fftSize } = convention
    const noise = gaussian(1, 0, 0, fftSize).map(Math.sign)
    const centres = cornerFrequencies(convention).subarray(1, -1)
    const tones = noise.map((_, i) => {
      return centres.reduce((sum, hz) => sum + Math.sin((2 * Math.PI * hz * i) / sampleRate), 0) / bands
    })
    for (const samples of [noise, tones]) {
      const { data, frames } = melSpectrogram({ samples, sampleRate }, convention)
      // A piece of a stream may be one frame.
      const piece = { data: data.filter((_, i) => i % frames === 0), bands, frames: 1 }
      try {
        checkMelFor(piece, convention, 'a')
      } catch (error) {
        refused.push(`${JSON.stringify(change)}, ${bands} bands: ${error}`)
      }
    }
  }
  assert.deepEqual(refused, [])
})

test('refuses mels that fit no model', () => {
  const convention = namedConventions.lmnt
  const refused = (mel: Mel, code: string) => assert.throws(() => checkMelFor(mel, convention, 'a'), { code })
  refused({ data: new Float32Array(64 * 3), bands: 64, frames: 3 }, 'BAD_MEL')
  refused({ data: new Float32Array(5), bands: 80, frames: 3 }, 'BAD_MEL')
  refused({ data: new Float32Array(0), bands: 80, frames: 0 }, 'BAD_MEL')
  refused({ data: new Float32Array(80).fill(Number.NaN), bands: 80, frames: 1 }, 'NOT_FINITE')
  refused({ data: new Float32Array(80).fill(9), bands: 80, frames: 1 }, 'MEL_RANGE')
  const asText = { data: new Float32Array(80), bands: 80, frames: '1' } as never
  assert.throws(() => checkMelFor(asText, convention, 'a'), {
    message: /^frames is not a positive integer, got string/,
  })
})

test('melSpectrogram refuses another sample rate, no samples and infinite samples', () => {
  const refused = (samples: Float32Array, sampleRate: number, code: string) =>
    assert.throws(() => melSpectrogram({ samples, sampleRate }, namedConventions.lmnt), { code })
  refused(new Float32Array(1000), 16000, 'SAMPLE_RATE_MISMATCH')
  refused(new Float32Array(0), 22050, 'BAD_AUDIO')
  refused(Float32Array.of(0, Number.POSITIVE_INFINITY), 22050, 'NOT_FINITE')
  const short = { samples: new Float32Array(255), sampleRate: 22_050 }
  assert.throws(() => melSpectrogram(short, namedConventions.hifigan), {
    code: 'BAD_AUDIO',
    expected: 'at least 256 samples',
  })
  // Shorter than the padding: mirrored more than once.
  assert.equal(melSpectrogram({ samples: gaussian(1, 0, 0, 5), sampleRate: 22050 }, namedConventions.lmnt).frames, 1)
})

test('an impossible convention is refused with the name of the field', () => {
  for (const [change, field] of [
    [{ fftSize: 1000 }, 'fftSize'],
    [{ maxFrequency: 20000 }, 'maxFrequency'],
    [{ hop: 2048 }, 'hop'],
    [{ windowLength: 2048 }, 'windowLength'],
    [{ floor: 0 }, 'floor'],
    // Louder sounds have to have larger values: ranges and limits of mels are read so.
    [{ normalisation: { kind: 'affine', scale: -1, offset: 0 } }, 'normalisation.scale'],
    [{ normalisation: { kind: 'affine', scale: 1, offset: 0, clamp: [1, 0] } }, 'normalisation.clamp'],
  ] as const) {
    const { error } = melConventionSchema.safeParse({ ...namedConventions.lmnt, ...change })
    assert.equal(error!.issues[0]!.path.join('.'), field)
  }
})

test('a named convention cannot change, and another is checked at each use', () => {
  const { lmnt } = namedConventions as unknown as { lmnt: { hop: number; normalisation: { clamp: number[] } } }
  assert.throws(() => lmnt.hop++, TypeError)
  assert.throws(() => lmnt.normalisation.clamp.pop(), TypeError)

  const mean = [0]
  const own: MelConvention = {
    ...namedConventions.tacotron2,
    normalisation: { kind: 'standardise', mean, deviation: [1] },
  }
  const audio = { samples: new Float32Array(2000), sampleRate: 22_050 }
  melSpectrogram(audio, own)
  mean.push(0)
  assert.throws(() => melSpectrogram(audio, own), { code: 'BAD_CONFIG' })
})

test('a mel computed in parts has the same bytes, and can be stopped between parts', async () => {
  const audio = { samples: gaussian(1, 0, 0, 1200 * 256).map(x => 0.1 * x), sampleRate: 22_050 }
  const mel = melSpectrogram(audio, namedConventions.tacotron2)
  assert.deepEqual(await melInTurns(audio, namedConventions.tacotron2), mel)
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  await assert.rejects(melInTurns(audio, namedConventions.tacotron2, stop.signal), { code: 'ABORTED' })
})

test('the name of a convention stands for it, and an unknown name is refused with the nearest', async () => {
  const audio = { samples: gaussian(1, 0, 0, 6000).map(x => 0.1 * x), sampleRate: 22_050 }
  const { tacotron2, hifigan } = namedConventions
  const mel = melSpectrogram(audio, 'tacotron2')
  assert.deepEqual(mel, melSpectrogram(audio, tacotron2))
  const few = { iterations: 1 }
  assert.deepEqual(await griffinLim(mel, 'tacotron2', few), await griffinLim(mel, tacotron2, few))
  assert.deepEqual(melNotes(mel, 'tacotron2'), melNotes(mel, tacotron2))
  const decibels = { logarithm: 'db' } as const
  assert.deepEqual(conventionWith('hifigan', decibels), conventionWith(hifigan, decibels))
  assert.deepEqual(rescaleMel(mel, {}, 'tacotron2'), rescaleMel(mel, {}, tacotron2))
  assert.deepEqual(convertMel(mel, 'tacotron2', 'tacotron2'), convertMel(mel, tacotron2, tacotron2))
  const unknown = { code: 'BAD_CONFIG', got: 'tacotron', expected: /lmnt, tacotron2/, hint: 'Did you mean tacotron2?' }
  assert.throws(() => melSpectrogram(audio, 'tacotron' as never), unknown)
  await assert.rejects(griffinLim(mel, 'tacotron' as never), unknown)
})
