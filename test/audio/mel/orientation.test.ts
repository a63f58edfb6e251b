/** Recognition of mels whose axes are swapped. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { looksTransposed } from '#src/audio/mel/orientation'
import { golden } from '../../support/paths.js'

const { samples, sampleRate } = await readWav(golden('mel/LJ001-0001.wav'))
const natural = melSpectrogram({ samples: samples.slice(0, 60_000), sampleRate }, namedConventions.tacotron2)

test('looksTransposed recognises a turned square mel by its level along each axis', () => {
  const bands = 80
  for (const start of [0, 40, 100]) {
    const data = Float32Array.from(
      { length: bands * bands },
      (_, i) => natural.data[Math.floor(i / bands) * natural.frames + start + (i % bands)]!,
    )
    const turned = data.map((_, i) => data[(i % bands) * bands + Math.floor(i / bands)]!)
    assert.equal(looksTransposed({ data, bands, frames: bands }), false, String(start))
    assert.equal(looksTransposed({ data: turned, bands, frames: bands }), true, String(start))
  }
})
