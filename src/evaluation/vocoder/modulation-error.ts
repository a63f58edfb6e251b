/**
 * Modulation error: how differently the envelopes of frequency bands vary within 30 ms.
 *
 * The harmonics of a voice that lie in one band make pulses if their phases agree, and an even envelope if they do not.
 * So this measure sees the phases that measures of magnitudes miss: a buzz and a breath of the same mel differ in it.
 */

/** Lower and upper end of each band in Hz. The usual mels end at 8 kHz. */
const BANDS = [
  [300, 1000],
  [1000, 2000],
  [2000, 3500],
  [3500, 5500],
  [5500, 7800],
] as const
/** Seconds over which an envelope's variation is taken: at least two periods of a voice above 70 Hz. */
const BLOCK = 0.03
/** Seconds of a band's filter. Longer ones would separate the bands better, but blur the pulses of high voices. */
const FILTER = 0.008
/** Samples from one value of an envelope to the next. Envelopes change no faster than their band is wide. */
const STEP = 4
/** A block counts if the original's envelope in it is at least this share of its loudest block: −30 dB. */
const AUDIBLE = 10 ** (-30 / 20)

/**
 * Mean over the bands of mean_b |v(original, b) − v(made, b)|, where v is the standard deviation of the envelope in
 * block b divided by its mean.
 *
 * @param original @param made of the same length @param sampleRate in Hz, of both, at least 15,600
 * @returns 0 or more; null if the original is silent, or too short for a block
 */
export function modulationError(original: Float32Array, made: Float32Array, sampleRate: number): number | null {
  const taps = Math.round(FILTER * sampleRate)
  const blockLength = Math.round((BLOCK * sampleRate) / STEP)
  let sum = 0
  for (const [low, high] of BANDS) {
    const filter = bandFilter(low / sampleRate, high / sampleRate, taps)
    const [a, b] = [original, made].map(samples => blocks(envelope(samples, filter), blockLength))
    const loudest = a!.reduce((most, { mean }) => Math.max(most, mean), 0)
    if (loudest === 0) return null
    const audible = [...a!.keys()].filter(block => a![block]!.mean >= AUDIBLE * loudest)
    sum += audible.reduce((total, k) => total + Math.abs(a![k]!.variation - b![k]!.variation), 0) / audible.length
  }
  return sum / BANDS.length
}

/**
 * A band-pass filter whose output is complex, so that its magnitude is the envelope: a windowed sinc of half the band's
 * width, moved to the band's centre.
 *
 * @param low @param high in cycles per sample @param length taps @returns `[taps × (real, imaginary)]`
 */
function bandFilter(low: number, high: number, length: number): Float64Array {
  const filter = new Float64Array(2 * length)
  const [centre, width] = [(low + high) / 2, high - low]
  for (let n = 0; n < length; n++) {
    const t = n - (length - 1) / 2
    const sinc = t === 0 ? width : Math.sin(Math.PI * width * t) / (Math.PI * t)
    const hann = 0.5 + 0.5 * Math.cos((2 * Math.PI * t) / (length + 1))
    filter[2 * n] = hann * sinc * Math.cos(2 * Math.PI * centre * t)
    filter[2 * n + 1] = hann * sinc * Math.sin(2 * Math.PI * centre * t)
  }
  return filter
}

/** |filter ∗ samples| at every `STEP`th sample, without the ends where the filter would reach beyond the samples. */
function envelope(samples: Float32Array, filter: Float64Array): Float64Array {
  const taps = filter.length / 2
  const values = new Float64Array(Math.max(0, Math.floor((samples.length - taps) / STEP) + 1))
  for (let i = 0; i < values.length; i++) {
    let [real, imaginary] = [0, 0]
    for (let n = 0; n < taps; n++) {
      const sample = samples[i * STEP + n]!
      real += sample * filter[2 * n]!
      imaginary += sample * filter[2 * n + 1]!
    }
    values[i] = Math.sqrt(real * real + imaginary * imaginary)
  }
  return values
}

/** Mean and coefficient of variation of each whole block of `length` values; a silent block does not vary. */
function blocks(values: Float64Array, length: number): { readonly mean: number; readonly variation: number }[] {
  return Array.from({ length: Math.floor(values.length / length) }, (_, block) => {
    let [sum, squares] = [0, 0]
    for (let i = block * length; i < (block + 1) * length; i++) sum += values[i]!
    const mean = sum / length
    for (let i = block * length; i < (block + 1) * length; i++) squares += (values[i]! - mean) ** 2
    return { mean, variation: mean > 0 ? Math.sqrt(squares / length) / mean : 0 }
  })
}
