/** Pictures of audio: their pixels, axes and scales. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode } from 'fast-png'
import { type Mel, type MelConvention, namedConventions } from '#src/audio/mel/convention'
import { cornerFrequencies } from '#src/audio/mel/filters'
import { melSpectrogram } from '#src/audio/mel/mel'
import { drawAudio, drawMel, drawSpectrograms } from '#src/audio/picture'
import { Canvas, TEXT_HEIGHT, textWidth } from '#src/audio/picture/canvas'
import { BLACK, levelColour, WHITE } from '#src/audio/picture/colours'
import { frequencyAxis, heightOf, levelScale, melLevels, timeAxis, writeTitle } from '#src/audio/picture/plot'
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

  test('draws a single silent sample in one colour', () => {
    const one: Mel = { data: new Float32Array(80).fill(Math.log(1e-5)), bands: 80, frames: 1 }
    const { at } = pixels(drawAudio(new Float32Array(1), 22_050, one, { convention, title: '' }))
    const colours = [64, 600, 1113].flatMap(x => [194, 300, 513].map(y => at(x, y).join()))
    assert.deepEqual(new Set(colours), new Set([levelColour(1).map(Math.floor).join()]))
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

  test('are finite in every convention', () => {
    const samples = gaussian(1, 0, 0, 3000)
    for (const own of Object.values(namedConventions)) {
      const levels = melLevels(melSpectrogram({ samples, sampleRate: own.sampleRate }, own), own)
      assert.ok(levels.every(Number.isFinite), own.name)
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

describe('around a plot', () => {
  /** Keeps what is written and filled, instead of painting it. */
  class Notes extends Canvas {
    readonly written: (readonly [text: string, x: number, y: number, anchor: string])[] = []
    readonly filled: string[] = []

    override write(text: string, x: number, y: number, anchor = 'left'): void {
      this.written.push([text, x, y, anchor])
    }

    override fill(left: number, top: number, width: number, height: number): void {
      this.filled.push([left, top, width, height].join(' '))
    }
  }
  const noted = (draw: (canvas: Canvas) => void) => {
    const canvas = new Notes(1, 1)
    draw(canvas)
    return canvas
  }

  test('each frequency stands at its band, apart from the others', () => {
    const corners = cornerFrequencies(convention)
    for (const band of [0, 30, 79]) {
      assert.ok(Math.abs(heightOf(corners[band + 1]!, convention) - (band + 0.5) / 80) < 1e-9)
    }
    const plot = { left: 64, top: 10, width: 100, height: 320 }
    for (const [name, frequencies] of [
      ['tacotron2', '0 0.5 1 2 3 4 6'],
      // From 20 Hz.
      ['lmnt', '0.2 0.5 1 2 3 4 6 8'],
    ] as const) {
      const own = namedConventions[name]
      const { written, filled } = noted(canvas => frequencyAxis(canvas, plot, own))
      const [unit, ...numbers] = written.toSorted((a, b) => a[2] - b[2])
      assert.deepEqual(unit, ['kHz', 55, 10 + TEXT_HEIGHT / 2, 'right'])
      assert.equal(
        numbers
          .map(([text]) => text)
          .reverse()
          .join(' '),
        frequencies,
      )
      for (const [i, [text, x, y, anchor]] of numbers.entries()) {
        const share = Math.max(0, heightOf(1000 * Number(text), own))
        assert.deepEqual([x, y, anchor], [55, 10 + Math.round((1 - share) * 319), 'right'])
        assert.ok(y - (numbers[i - 1] ?? unit!)[2] >= TEXT_HEIGHT + 6)
      }
      const marks = written.slice(1).map(([, , y]) => `59 ${y} 5 1`)
      assert.deepEqual(filled, ['63 10 1 320', ...marks])
    }
  })

  test('seconds stand below their places, and their unit below them', () => {
    const plot = { left: 64, top: 10, width: 350, height: 50 }
    const { written, filled } = noted(canvas => timeAxis(canvas, plot, 3.5))
    const numbers = [64, 164, 264, 364].map((x, i) => [String(i), x, 69 + TEXT_HEIGHT / 2, 'centre'])
    assert.deepEqual(written, [...numbers, ['seconds', 239, 73 + 1.5 * TEXT_HEIGHT, 'centre']])
    assert.deepEqual(filled, ['64 60 350 1', '64 60 1 5', '164 60 1 5', '264 60 1 5', '364 60 1 5'])
    assert.equal(noted(canvas => timeAxis(canvas, plot, 3.5, false)).written.length, 4)
    assert.equal(noted(canvas => timeAxis(canvas, { ...plot, width: 69 }, 3.5)).written.length, 2)
  })

  test('levels from 0 to −80 dB stand beside their colours', () => {
    const levels = (height: number) => {
      const { written, filled } = noted(canvas => levelScale(canvas, { left: 64, top: 10, width: 0, height }))
      assert.deepEqual(
        filled.slice(height),
        written.map(([, , y]) => `78 ${y} 5 1`),
      )
      assert.ok(written.every(([, x]) => x === 87))
      return written.map(([text, , y]) => `${text} ${y}`)
    }
    assert.deepEqual(levels(200), ['0 dB 10', '−20 60', '−40 110', '−60 159', '−80 209'])
    assert.deepEqual(levels(199), ['0 dB 10', '−40 109', '−80 208'])
  })

  test('a title stands above, shortened to the width of its plot, down to dots', () => {
    for (const [width, text] of [
      [94, 'HHHHHHHH'],
      [93, 'HHHH...'],
      [58, 'HH...'],
      [57, 'H...'],
      [10, '...'],
    ] as const) {
      const { written } = noted(canvas => writeTitle(canvas, 'HHHHHHHH', { left: 3, top: 30, width, height: 10 }))
      assert.deepEqual(written, [[text, 3, 22 - TEXT_HEIGHT / 2, 'left']])
    }
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
