/** Interpolation of pitch and voicing between the frames of a mel. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FIRST_PITCH, PitchContour } from '#src/data-domain/pitch-contour'

const HOP = 4
const contourOf = (...pitch: number[]) => {
  const contour = new PitchContour(HOP)
  contour.push(Float64Array.from(pitch), true)
  return contour
}
/** f0, rounded to whole Hz, and voicing at a sample. */
const at = (contour: PitchContour, sample: number) => {
  const frame = contour.frameOf(sample)
  const share = sample / HOP - frame.number
  return [Math.round(frame.pitch(share)), frame.voicing(share)]
}

describe('a pitch contour', () => {
  test('is geometric between voiced frames', () => {
    const contour = contourOf(100, 400)
    assert.deepEqual(
      [0, 2, 4, 7].map(sample => at(contour, sample)),
      [
        [100, 1],
        [200, 1],
        [400, 1],
        [400, 1],
      ],
    )
  })

  test('holds the last pitch where the voice ends, and then jumps to the next', () => {
    const contour = contourOf(0, 200, 0, 0, 300)
    assert.deepEqual(
      [0, 2, 4, 6, 8, 12, 14, 16].map(sample => at(contour, sample)),
      [
        [200, 0],
        [200, 0.5],
        [200, 1],
        [200, 0.5],
        [200, 0],
        [300, 0],
        [300, 0.5],
        [300, 1],
      ],
    )
  })

  test('remembers the last pitch of frames that were skipped', () => {
    assert.deepEqual(at(contourOf(150, 220, 0, 0, 0), 16), [220, 0])
    assert.deepEqual(at(contourOf(0, 0, 0), 8), [FIRST_PITCH, 0])
  })

  test('is as long as its frames once they have all arrived', () => {
    const contour = new PitchContour(HOP)
    contour.push(Float64Array.of(100, 100), false)
    assert.equal(contour.length, Number.POSITIVE_INFINITY)
    contour.push(Float64Array.of(100), true)
    assert.equal(contour.length, 12)
    contour.frameOf(8)
    assert.throws(() => contour.frameOf(0), RangeError)
  })
})
