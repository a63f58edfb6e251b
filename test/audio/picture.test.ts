/** Pictures of audio: their pixels, axes and scales. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode } from 'fast-png'
import { type Mel, type MelConvention, namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { drawAudio, drawMel, drawSpectrograms } from '#src/audio/picture'
import { Canvas, textWidth } from '#src/audio/picture/canvas'
import { BLACK, levelColour, WHITE } from '#src/audio/picture/colours'
import { heightOf, melLevels, writeTitle } from '#src/audio/picture/plot'
import { roundTicks } from '#src/audio/picture/ticks'
import { gaussian } from '#src/core/random'

const convention = namedConventions.tacotron2

function pixels(png: Uint8Array) {
  const { width, height, data } = decode(png)
  const at = (x: number, y: number) => [...data.slice((y * width + x) * 3, (y * width + x) * 3 + 3)]
  return { width, height, at }
}

/** A tone, and its mel. */
function tone(hz: number, own: MelConvention = convention) {
  const samples = Float32Array.from({ length: 22_050 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / 22_050))
  return { samples, mel: melSpectrogram({ samples, sampleRate: 22_050 }, own) }
}

/** How bright a pixel is. */
const brightness = (rgb: readonly number[]) => rgb.reduce((sum, value) => sum + value, 0)

describe('drawAudio', () => {
  const { samples, mel } = tone(1000)
  const { width, height, at } = pixels(drawAudio(samples, 22_050, mel, { convention, title: 'tone' }))

  test('has room for the title, waveform, spectrogram and axes', () => {
    assert.deepEqual([width, height], [1200, 562])
    for (const [x, y] of [
      [0, 0],
      [1199, 0],
      [0, 561],
      [1199, 561],
    ] as const)
      assert.deepEqual(at(x, y), [...WHITE])
  })

  test('draws the brightest line at the height of the tone’s frequency', () => {
    const column = Array.from({ length: 320 }, (_, y) => brightness(at(600, 194 + y)))
    const brightest = column.indexOf(Math.max(...column))
    assert.ok(Math.abs(brightest / 320 - (1 - heightOf(1000, convention))) < 0.02, String(brightest))
  })

  test('draws the waveform between the lines of ±0.5', () => {
    const isWhite = (y: number) => at(600, y).join() === WHITE.join()
    // The waveform's plot begins at row 32 and has 140 rows.
    const rows = Array.from({ length: 140 }, (_, y) => y).filter(y => !isWhite(32 + y))
    assert.deepEqual([rows[0], rows.at(-1)], [Math.round(0.25 * 139), Math.round(0.75 * 139)])
  })

  test('draws a colour scale from the brightest colour down to the darkest', () => {
    assert.deepEqual(at(1128, 194), levelColour(1).map(Math.floor))
    assert.deepEqual(at(1128, 513), levelColour(0).map(Math.floor))
  })

  test('draws a time mark at least every fifth of a second', () => {
    const marks = Array.from({ length: 1050 }, (_, x) => x).filter(x => at(64 + x, 518).join() === BLACK.join())
    assert.deepEqual(
      marks,
      [...Array(11).keys()].map(i => Math.min(1049, Math.round(i * 105))),
    )
  })

  test('draws silence, a single sample and every convention', () => {
    const noise = gaussian(1, 0, 0, 3000)
    for (const [samples, own] of [
      ...Object.values(namedConventions).map(own => [noise, own] as const),
      [new Float32Array(3000), convention] as const,
      [new Float32Array(3000).fill(1), convention] as const,
    ]) {
      const mel = melSpectrogram({ samples, sampleRate: own.sampleRate }, own)
      assert.equal(pixels(drawAudio(samples, own.sampleRate, mel, { convention: own, title: '' })).width, 1200)
    }
    const one: Mel = { data: new Float32Array(80), bands: 80, frames: 1 }
    assert.equal(pixels(drawAudio(new Float32Array(1), 22_050, one, { convention, title: 'x' })).width, 1200)
  })
})

describe('melLevels', () => {
  test('gives the same decibel differences in every convention', () => {
    const loud = (own: MelConvention) => {
      const [one, half] = [1, 0.5].map(gain => {
        const samples = tone(1000).samples.map(value => gain * value)
        return Math.max(...melLevels(melSpectrogram({ samples, sampleRate: 22_050 }, own), own))
      })
      return one! - half!
    }
    const powers: MelConvention = { ...convention, name: 'powers', power: 2 }
    for (const own of [namedConventions.tacotron2, namedConventions.hifigan, powers]) {
      assert.ok(Math.abs(loud(own) - 20 * Math.log10(2)) < 1e-3, own.name)
    }
  })
})

describe('drawSpectrograms', () => {
  const mels = [tone(500), tone(3000), tone(6000)].map(({ mel }, i) => ({ mel, title: `tone ${i}` }))

  test('places them row by row beside one colour scale', () => {
    const { width, height, at } = pixels(drawSpectrograms(mels, { convention, columns: 2, size: [100, 80] }))
    assert.deepEqual([width, height], [2 * (64 + 100 + 14) + 86, 2 * (32 + 80 + 22) + 26])
    assert.deepEqual(at(64 + 178 + 50, 32 + 134 + 40), [...WHITE])
    assert.notDeepEqual(at(64 + 50, 32 + 134 + 40), [...WHITE])
  })
})

test('levels between two colours have a mixture, and levels outside the scale its ends', () => {
  assert.deepEqual(levelColour(0.1), [30, 7.5, 57])
  assert.deepEqual([levelColour(-1), levelColour(2)], [levelColour(0), levelColour(1)])
})

test('drawMel draws one pixel per frame and two rows per band', () => {
  const { mel } = tone(1000)
  const { width, height } = pixels(drawMel(mel, { min: -11, max: 1 }))
  assert.deepEqual([width, height], [mel.frames, 2 * mel.bands])
})

describe('text in a picture', () => {
  test('has a distinct glyph for every ASCII character', () => {
    const drawn = new Map<string, string>()
    for (let code = 33; code < 127; code++) {
      const character = String.fromCharCode(code)
      const canvas = new Canvas(12, 16)
      canvas.write(character, 0, 8)
      const bytes = Buffer.from(canvas.png()).toString('base64')
      assert.equal(drawn.get(bytes), undefined, `${character} looks like ${drawn.get(bytes)}`)
      drawn.set(bytes, character)
    }
  })

  /** The columns and rows of a picture that are not white: the first and the last. */
  function painted(canvas: Canvas): readonly number[] {
    const { at } = pixels(canvas.png())
    const [columns, rows]: [number[], number[]] = [[], []]
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        if (at(x, y).join() === WHITE.join()) continue
        columns.push(x)
        rows.push(y)
      }
    }
    return [Math.min(...columns), Math.max(...columns), Math.min(...rows), Math.max(...rows)]
  }

  test('lies to the right of its point, around it or to its left', () => {
    for (const [text, anchor, left, right] of [
      ['H', 'left', 30, 39],
      ['H', 'centre', 25, 34],
      ['H', 'right', 20, 29],
      ['H ', 'left', 30, 39],
      ['HH', 'left', 30, 51],
      // Without a glyph of its own: a box.
      ['😀', 'left', 30, 39],
    ] as const) {
      const canvas = new Canvas(60, 20)
      canvas.write(text, 30, 10, anchor)
      assert.deepEqual(painted(canvas), [left, right, 3, 16], `${text} ${anchor}`)
    }
  })

  test('is not mirrored', () => {
    const canvas = new Canvas(10, 14)
    canvas.write('L', 0, 7)
    const { at } = pixels(canvas.png())
    assert.deepEqual([at(0, 0), at(9, 0), at(0, 13), at(9, 13)], [[...BLACK], [...WHITE], [...BLACK], [...BLACK]])
  })

  test('of a title is shortened to the width of its plot, down to dots', () => {
    for (const [width, right] of [
      [60, 58],
      [46, 46],
      [10, 32],
    ] as const) {
      const canvas = new Canvas(200, 30)
      writeTitle(canvas, 'HHHHHHHH', { left: 0, top: 30, width, height: 10 })
      assert.ok(painted(canvas)[1]! <= right, `${width}: ${painted(canvas)}`)
    }
  })

  test('and all else end at the edges of the picture', () => {
    const canvas = new Canvas(10, 4)
    for (const [x, y] of [
      [8, 0],
      [-2, 2],
    ] as const)
      canvas.fill(x, y, 4, 1, BLACK)
    const { at } = pixels(canvas.png())
    const dark = [0, 1, 2, 3].map(y => Array.from({ length: 10 }, (_, x) => Number(at(x, y)[0]! < 255)).join(''))
    assert.deepEqual(dark, ['0000000011', '0000000000', '1100000000', '0000000000'])
  })

  test('is twelve pixels wide per character and stays within the picture', () => {
    assert.deepEqual(['', 'kHz', '😀'].map(textWidth), [0, 34, 10])
    const canvas = new Canvas(10, 10)
    canvas.write('far too long, and outside', -50, 0, 'right')
    canvas.write('漢字 😀', 5, 5, 'centre')
    assert.equal(pixels(canvas.png()).width, 10)
  })
})

describe('roundTicks', () => {
  test('gives round numbers, and no more than asked for', () => {
    const texts = (end: number, max: number) => roundTicks(end, max).map(([, text]) => text)
    assert.deepEqual(texts(1, 5), ['0', '0.2', '0.4', '0.6', '0.8', '1.0'])
    assert.deepEqual(texts(0.05, 5), ['0', '0.01', '0.02', '0.03', '0.04', '0.05'])
    assert.deepEqual(texts(600, 4), ['0', '200', '400', '600'])
    assert.deepEqual(texts(0, 4), ['0'])
  })
})
