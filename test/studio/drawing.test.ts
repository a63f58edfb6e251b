/** Drawing in the studio: axes, colours, waveforms and spectrograms. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { levelRange, SILENCE, spectrogram, windowLength } from '#studio/audio/spectrogram'
import { colourMap, cssColour, SHADES } from '#studio/drawing/colour-map'
import { curveArea, curveScales, drawCurves } from '#studio/drawing/curve-picture'
import { linearScale, logScale, wholeScale } from '#studio/drawing/scale'
import { soundLayout } from '#studio/drawing/sound-picture'
import { spectrogramPixels } from '#studio/drawing/spectrogram-image'
import { linearTicks, logTicks } from '#studio/drawing/ticks'
import { envelope } from '#studio/drawing/waveform'
import { recordingSurface, sine } from '../support/studio.js'

const labels = (ticks: readonly { readonly label: string }[]) => ticks.map(({ label }) => label)

describe('an axis', () => {
  test('has marks at 1, 2 or 5 times a power of ten', () => {
    assert.deepEqual(labels(linearTicks(0, 1.9, 4)), ['0.0', '0.5', '1.0', '1.5'])
    assert.deepEqual(labels(linearTicks(-80, 0, 4)), ['−80', '−60', '−40', '−20', '0'])
    assert.deepEqual(labels(linearTicks(0, 11.025, 3)), ['0', '5', '10'])
    assert.deepEqual(linearTicks(1, 1, 5), [])
    // Long decimals would not fit beside the axis.
    assert.deepEqual(labels(linearTicks(0, 2e-4, 4)), ['0', '5e−5', '1e−4', '1.5e−4', '2e−4'])
    assert.deepEqual(labels(linearTicks(0.001, 0.0011, 2)), ['1e−3', '1.05e−3', '1.1e−3'])
  })

  test('of logarithms has marks at powers of ten, and more if these are few', () => {
    assert.deepEqual(labels(logTicks(0.1, 2)), ['0.1', '0.2', '0.5', '1', '2'])
    assert.deepEqual(labels(logTicks(1e-5, 1)), ['1e−5', '1e−4', '0.001', '0.01', '0.1', '1'])
    assert.deepEqual(logTicks(0, 1), [])
    assert.deepEqual(labels(logScale(3.1, 3.9, 0, 100).ticks(4)), ['3.2', '3.4', '3.6', '3.8'])
  })

  test('of steps has marks at whole numbers alone', () => {
    assert.deepEqual(labels(wholeScale(1, 4, 0, 300).ticks(6)), ['1', '2', '3', '4'])
    assert.deepEqual(labels(wholeScale(0, 1000, 0, 300).ticks(4)), ['0', '500', '1000'])
  })

  test('converts a value to a pixel and back', () => {
    for (const scale of [linearScale(2, 10, 40, 240), logScale(0.01, 10, 240, 40)]) {
      for (const value of [2.5, 4, 9]) assert.ok(Math.abs(scale.value(scale.pixel(value)) - value) < 1e-9)
    }
    assert.equal(logScale(0.01, 100, 0, 40).pixel(1), 20)
  })
})

describe('drawCurves', () => {
  test('labels at least two places of a narrow axis', () => {
    const x = Array.from({ length: 40 }, (_, i) => i + 1)
    const picture = {
      series: [{ name: 'noise', x, y: x, style: 'line', colour: 'accent' }],
      xAxis: { title: 'step', kind: 'whole' },
      yAxis: { title: 'gain', kind: 'linear' },
    } as const
    const { surface, texts } = recordingSurface(220, 150)
    drawCurves(surface, picture)
    const bottom = Math.max(...texts.map(({ y }) => y))
    assert.deepEqual(
      texts.filter(({ y }) => y === bottom).map(({ text }) => text),
      ['step', '10', '20', '30'],
    )
  })

  test('places all labels of the axis below its title', () => {
    for (const highest of [2e-4, 1, 3.7, 50]) {
      for (const kind of ['linear', 'log'] as const) {
        const y = [highest / 10, highest / 2, highest]
        const picture = {
          series: [{ name: 'rate', x: [1, 2, 3], y, style: 'line', colour: 'accent' }],
          xAxis: { title: 'step', kind: 'linear' },
          yAxis: { title: 'rate', kind },
        } as const
        const { surface, texts } = recordingSurface(400, 160)
        drawCurves(surface, picture)
        const area = curveArea(surface)
        const expected = labels(curveScales(area, picture).y.ticks(Math.floor(area.height / 26)))
        const drawn = texts.filter(({ x }) => x < area.left)
        assert.deepEqual(drawn.map(({ text }) => text).sort(), ['rate', ...expected].sort())
        const title = drawn.find(({ text }) => text === 'rate')!
        assert.ok(title.y > 0)
        for (const label of drawn) assert.ok(label === title || label.y - title.y >= 11, label.text)
      }
    }
  })
})

describe('the colour map', () => {
  test('gets lighter with every step, from near black to near white', () => {
    // Luminance of sRGB (IEC 61966-2-1), the eye's measure.
    const linear = (byte: number) => (byte / 255 <= 0.04045 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4)
    const luminance = Array.from({ length: SHADES }, (_, i) => {
      const [red, green, blue] = colourMap.subarray(3 * i, 3 * i + 3)
      return 0.2126 * linear(red!) + 0.7152 * linear(green!) + 0.0722 * linear(blue!)
    })
    assert.equal(colourMap.length, 3 * SHADES)
    assert.ok(luminance[0]! < 0.002 && luminance.at(-1)! > 0.85, `${luminance[0]} ${luminance.at(-1)}`)
    luminance.forEach((value, i) => {
      assert.ok(i === 0 || value >= luminance[i - 1]! - 2e-3, `shade ${i}`)
    })
  })

  test('is clamped at both ends', () => {
    assert.equal(cssColour(-1), cssColour(0))
    assert.equal(cssColour(2), cssColour(1))
    assert.match(cssColour(0.5), /^rgb\(\d+ \d+ \d+\)$/)
  })
})

describe('a drawn waveform', () => {
  test('has the lowest and the highest sample of every column', () => {
    const samples = Float32Array.of(0.1, -0.2, 0.3, 0.4, -0.5, 0)
    assert.deepEqual([...envelope(samples, 3)], [...Float32Array.of(-0.2, 0.1, 0.3, 0.4, -0.5, 0)])
  })

  test('repeats samples if there are more columns than samples', () => {
    assert.deepEqual([...envelope(Float32Array.of(1, -1), 4)], [1, 1, 1, 1, -1, -1, -1, -1])
    assert.deepEqual([...envelope(new Float32Array(0), 1)], [0, 0])
  })
})

describe('a drawn spectrogram', () => {
  test('shows a sine of full scale at its frequency with 0 dB', () => {
    const { levels, frames, bins } = spectrogram(sine(1000, 1), 40)
    const middle = levels.subarray(20 * bins, 21 * bins)
    const loudest = middle.indexOf(Math.max(...middle))
    assert.equal(frames, 40)
    assert.equal(loudest, Math.round((1000 / 4000) * (bins - 1)))
    assert.ok(Math.abs(middle[loudest]!) < 0.1, `${middle[loudest]} dB`)
  })

  test('shows silence at the level of silence', () => {
    const { levels } = spectrogram(sine(100, 0.5, 8000, 0), 10)
    assert.ok(levels.every(level => level === SILENCE))
  })

  test('uses windows of 40 to 64 ms at any rate', () => {
    assert.deepEqual([8000, 16_000, 22_050, 44_100, 48_000].map(windowLength), [512, 1024, 1024, 2048, 2048])
  })

  test('has a range of 70 dB below its loudest part', () => {
    assert.deepEqual(levelRange(spectrogram(sine(1000, 1, 8000, 0.1), 40)), { min: -90, max: -20 })
  })

  test('has the highest frequency on top, and the loudest bin in every pixel', () => {
    // Two frames of four bins; the loud one is the highest of the second frame.
    const levels = Float32Array.of(-80, -80, -80, -80, -80, -80, -80, 0)
    const pixels = spectrogramPixels({ levels, frames: 2, bins: 4 }, { min: -80, max: 0 }, 2, 2)
    const pixel = (x: number, y: number) => [...pixels.subarray(4 * (2 * y + x), 4 * (2 * y + x) + 3)]
    const [dark, bright] = [[...colourMap.subarray(0, 3)], [...colourMap.subarray(-3)]]
    assert.deepEqual([pixel(0, 0), pixel(1, 0), pixel(0, 1), pixel(1, 1)], [dark, bright, dark, dark])
  })

  test('is below its waveform, on the same time axis', () => {
    const { wave, spectrum, levels } = soundLayout(
      { width: 400, height: 200 },
      { withWaveform: true, withLevels: true },
    )
    assert.equal(wave!.left, spectrum.left)
    assert.equal(wave!.width, spectrum.width)
    assert.ok(wave!.top + wave!.height < spectrum.top)
    assert.ok(levels!.left > spectrum.left + spectrum.width && levels!.left + levels!.width < 400)
  })
})
