/**
 * The recording that `inpaint` repairs, as the model sees it: read at the model's rate, and written back at its own.
 * Only the stretches around the gaps are converted, so the memory for them does not depend on the recording's length.
 */
import { resample } from '../audio/resample.js'
import { fadedHold, mergedGaps, type Region, type SampleGap, shareOf } from './gaps.js'

/** A recording with gaps, at the model's rate. */
export interface Repairable {
  /** Number of samples. */
  readonly length: number
  /** In order, without overlap. */
  readonly gaps: readonly SampleGap[]
  /** Samples beyond a gap and its fade that `write` needs. */
  readonly margin: number
  /** Samples `start` … `end` − 1, to be read only. */
  readonly read: (start: number, end: number) => Promise<Float32Array>
  /** Writes what a model made of a region into its gaps and fades. */
  readonly write: (made: Float32Array, region: Region) => Promise<void>
}

interface RepairableOptions {
  /** Changed in place by `write`. At another rate, the gaps are overwritten at once. */
  readonly samples: Float32Array
  /** Sample rate of `samples` in Hz. */
  readonly sampleRate: number
  /** In samples; in order, without overlap. */
  readonly gaps: readonly SampleGap[]
  /** Length of the fade on either side of a gap, in seconds. */
  readonly fade: number
  /** The model's sample rate in Hz. */
  readonly modelRate: number
  readonly signal: AbortSignal | undefined
}

/** @throws DiffWaveError `BAD_OPTION` if the gaps cover every sample at the model's rate */
export function repairable(options: RepairableOptions): Repairable {
  const { samples, sampleRate, gaps, fade, modelRate } = options
  if (sampleRate !== modelRate) return converted(options)
  return {
    length: samples.length,
    gaps,
    margin: 0,
    read: async (start, end) => samples.subarray(start, end),
    write: async (made, region) => joinGaps(samples, made, region.start, region.gaps, Math.round(fade * sampleRate)),
  }
}

/**
 * Samples of the lower rate on either side that a conversion sees: more than half the filter's length, which is 64 in a
 * browser and 46 in Node.js.
 */
const CONTEXT = 80

function converted({ samples, sampleRate, gaps, fade, modelRate, signal }: RepairableOptions): Repairable {
  const divisor = commonDivisor(sampleRate, modelRate)
  // Every so many samples, a sample of one rate lies exactly at one of the other. Conversions begin there.
  const [ownPeriod, modelPeriod] = [sampleRate / divisor, modelRate / divisor]
  const toModel = (sample: number) => (sample * modelPeriod) / ownPeriod
  const toOwn = (sample: number) => (sample * ownPeriod) / modelPeriod
  const ownContext = Math.ceil(CONTEXT * Math.max(1, sampleRate / modelRate))
  const length = Math.ceil(toModel(samples.length))
  // A sample at the model's rate is known if it lies neither between two lost samples nor beside one.
  const modelGaps = gaps.map(({ start, end }) => {
    const first = start === 0 ? 0 : Math.min(length - 1, Math.floor(toModel(start - 1)) + 1)
    return { start: first, end: Math.min(length, Math.max(first + 1, Math.ceil(toModel(end)))) }
  })
  fadedHold(samples, gaps, ownContext)
  return {
    length,
    gaps: mergedGaps(modelGaps, length),
    margin: Math.ceil(CONTEXT * Math.max(1, modelRate / sampleRate)),
    async read(start, end) {
      const from = Math.max(0, Math.floor((toOwn(start) - ownContext) / ownPeriod) * ownPeriod)
      const piece = new Float32Array(Math.ceil(toOwn(end)) + ownContext - from)
      piece.set(samples.subarray(from, Math.min(samples.length, from + piece.length)))
      const around = await resample({ samples: piece, sampleRate }, modelRate, { signal })
      return around.samples.subarray(start - toModel(from), end - toModel(from))
    },
    async write(made, { start, end }) {
      const from = Math.floor(start / modelPeriod) * modelPeriod
      const piece = new Float32Array(end - from)
      piece.set(made, start - from)
      const own = await resample({ samples: piece, sampleRate: modelRate }, sampleRate, { signal })
      const within = gaps.filter(gap => toModel(gap.start) >= start && toModel(gap.start) < end)
      joinGaps(samples, own.samples, toOwn(from), within, Math.round(fade * sampleRate))
    },
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}

/**
 * Writes generated audio into the gaps, with a raised-cosine crossfade over `fade` samples on either side. All other
 * samples stay as they are, bit for bit.
 *
 * @param recording changed in place
 * @param made generated samples; the first belongs to sample `madeStart` of the recording, the last lies at least
 * `fade` samples past each gap, or at the recording's end or past it
 * @param gaps in order, without overlap
 */
export function joinGaps(
  recording: Float32Array,
  made: Float32Array,
  madeStart: number,
  gaps: readonly SampleGap[],
  fade: number,
): void {
  const from = Math.max(0, gaps[0]!.start - fade)
  const to = Math.min(recording.length, gaps.at(-1)!.end + fade)
  const share = (gap: SampleGap | undefined, sample: number) => (gap === undefined ? 0 : shareOf(gap, sample, fade))
  let next = 0
  for (let sample = from; sample < to; sample++) {
    while (next < gaps.length && gaps[next]!.end <= sample) next++
    // A sample between two gaps may lie in the fades of many: the weight of the nearest is the largest.
    const weight = Math.max(share(gaps[next - 1], sample), share(gaps[next], sample))
    if (weight > 0) recording[sample] = recording[sample]! + weight * (made[sample - madeStart]! - recording[sample]!)
  }
  // Inside a gap the recording has weight 0, but 0 · NaN is NaN: these samples are overwritten.
  for (const { start, end } of gaps) {
    for (let sample = start; sample < end; sample++) recording[sample] = made[sample - madeStart]!
  }
}
