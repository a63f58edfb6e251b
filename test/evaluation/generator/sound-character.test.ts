/** The sound character of clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClipSet } from '#src/evaluation/generator/clip-set'
import { soundCharacter } from '#src/evaluation/generator/sound-character'
import { MELODY_RATE, melody } from '../../support/sounds.js'

test('short and silent clips count with their own lengths, and silence has no pitch', async () => {
  const short = melody(1).slice(0, MELODY_RATE / 2)
  const character = (seconds: number, samples: Float32Array) => {
    const set = new ClipSet(MELODY_RATE, seconds * MELODY_RATE, 1, true)
    set.add({ name: '', samples, label: '' }, true)
    return soundCharacter(set)
  }
  const own = await character(0.5, short)
  assert.ok(own.onsetRate.mean > 1 && own.pitchSalience.mean > 0.5)
  assert.deepEqual(await character(2, short), own)
  const silent = await character(1, new Float32Array(MELODY_RATE))
  assert.deepEqual([silent.onsetRate.mean, silent.pitchSalience.mean], [0, 0])
})
