/**
 * Change of sample rate in a browser: band-limited interpolation by a windowed sinc (J. O. Smith, Digital Audio
 * Resampling). The library that Node.js uses brings 2 MB of tables, too many for a page.
 */
import { nextTurn } from '#platform/core/turn'
import { throwIfAborted } from '../core/errors.js'

/** Zero crossings of the sinc on each side. */
const CROSSINGS = 64
/** Kaiser window with side lobes 120 dB down (Kaiser 1974: β = 0.1102·(120 − 8.7)). */
const BETA = 12.26
/** The cutoff, as a share of the lower Nyquist frequency: the window's transition band ends at that frequency. */
const ROLLOFF = 0.94
/** Output samples between two turns of the event loop: some 10 ms. */
const CHUNK = 8192
/** Kernels kept, one per position between two input samples: 147 of them take 48,000 Hz to 22,050 Hz. */
const MAX_KERNELS = 4096

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel(x: number): number {
  let [term, sum] = [1, 1]
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/**
 * Weights of the input samples around one output sample.
 *
 * @param fraction position of the output sample behind input sample 0, 0 to 1
 * @param reach input samples on each side
 * @param cutoff in cycles per input sample, at most 0.5
 */
function kernel(fraction: number, reach: number, cutoff: number): Float64Array {
  const scale = 1 / bessel(BETA)
  return Float64Array.from({ length: 2 * reach }, (_, i) => {
    const distance = i - reach + 1 - fraction
    const share = distance / reach
    if (Math.abs(share) >= 1) return 0
    const x = 2 * Math.PI * cutoff * distance
    const sinc = x === 0 ? 1 : Math.sin(x) / x
    return 2 * cutoff * sinc * scale * bessel(BETA * Math.sqrt(1 - share * share))
  })
}

/**
 * Converts samples to another rate, without delay. Returns `round(length × to / from)` samples.
 *
 * @param from rate of the samples, Hz
 * @param to rate wanted, Hz
 * @throws DiffWaveError `ABORTED`
 */
export async function convertRate(
  samples: Float32Array,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const lower = Math.min(1, to / from)
  const [reach, cutoff] = [Math.ceil(CROSSINGS / lower), 0.5 * lower * ROLLOFF]
  const kernels = new Map<number, Float64Array>()
  const kernelAt = (fraction: number) => {
    const known = kernels.get(fraction)
    if (known !== undefined) return known
    const made = kernel(fraction, reach, cutoff)
    if (kernels.size < MAX_KERNELS) kernels.set(fraction, made)
    return made
  }
  const result = new Float32Array(Math.round((samples.length * to) / from))
  for (let n = 0; n < result.length; n++) {
    if (n % CHUNK === CHUNK - 1) {
      await nextTurn()
      throwIfAborted(signal)
    }
    // n·from is exact up to 2^53, so equal positions have equal fractions.
    const rest = (n * from) % to
    const first = (n * from - rest) / to - reach + 1
    const weights = kernelAt(rest / to)
    let sum = 0
    for (let i = Math.max(0, -first); i < weights.length && first + i < samples.length; i++) {
      sum += weights[i]! * samples[first + i]!
    }
    result[n] = sum
  }
  return result
}
