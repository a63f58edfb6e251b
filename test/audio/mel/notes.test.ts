/** Notes on mels that a model accepts, but that were perhaps made for another model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { clippedShare, melNotes } from '#src/audio/mel/notes'
import { inCase } from '../../support/in-case.js'
import { golden } from '../../support/paths.js'

const { tacotron2 } = namedConventions
const { samples, sampleRate } = await readWav(golden('mel/LJ001-0001.wav'))
const natural = melSpectrogram({ samples: samples.slice(0, 60_000), sampleRate }, tacotron2)
const mapped = (change: (value: number, band: number) => number): Mel => ({
  ...natural,
  data: natural.data.map((value, i) => change(value, Math.floor(i / natural.frames))),
})
const statistics = Array.from({ length: natural.bands }, (_, band) => {
  const values = natural.data.subarray(band * natural.frames, (band + 1) * natural.frames)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, deviation: Math.sqrt(variance) }
})

test('a mel of the model’s convention has no notes', () => {
  assert.deepEqual(melNotes(natural, tacotron2), [])
})

test('notes a mel on another scale', () => {
  for (const [name, mel, note] of [
    ['log10', mapped(value => value / Math.LN10), /decimal logarithm/],
    ['-4 to 4', mapped(value => Math.max(-4, Math.min(4, ((value + 11.5) / 13) * 8 - 4))), /−4 … 4/],
    ['decibels', mapped(value => (20 * value) / Math.LN10), /do not look like tacotron2/],
    ['linear magnitudes', mapped(value => Math.exp(value)), /linear scale.*--mel-log none/],
    [
      'normalised per band',
      mapped((value, band) => (value - statistics[band]!.mean) / statistics[band]!.deviation),
      /deviation 1.*--mel-stats/,
    ],
  ] as const) {
    inCase(name, () => {
      const notes = melNotes(mel, tacotron2)
      assert.equal(notes.length, 1)
      assert.match(notes[0]!, note)
    })
  }
})

test('notes zeros at the end, with which programs pad the shorter mels of a batch', () => {
  const padded = (frames: number): Mel => {
    const data = new Float32Array(natural.bands * (natural.frames + frames))
    for (let band = 0; band < natural.bands; band++) {
      const row = natural.data.subarray(band * natural.frames, (band + 1) * natural.frames)
      data.set(row, band * (natural.frames + frames))
    }
    return { data, bands: natural.bands, frames: natural.frames + frames }
  }
  assert.match(melNotes(padded(30), tacotron2).join(), /its last 30 frames are exactly 0.*-11\.51/)
  assert.match(melNotes(padded(1), tacotron2).join(), /its last frame is exactly 0/)
  assert.deepEqual(melNotes(padded(0), tacotron2), [])
})

test('notes a square mel', () => {
  const square: Mel = { data: new Float32Array(6400).fill(-11), bands: 80, frames: 80 }
  assert.ok(melNotes(square, tacotron2).some(note => /square, 80 × 80/.test(note)))
})

test('refuses a value that is not a mel', () => {
  assert.throws(() => melNotes(new Float32Array(3) as unknown as Mel, tacotron2), { code: 'BAD_MEL' })
})

test('clippedShare counts the samples beyond full scale', () => {
  assert.equal(clippedShare(Float32Array.of(1, -1, 1.5, -2)), 0.5)
  assert.equal(clippedShare(new Float32Array(0)), 0)
})
