/** The gaps of a recording in samples, and the regions that the network has to see to fill them. */
import { DiffWaveError } from '../core/errors.js'
import { MAX_GAP_SECONDS } from '../core/limits.js'

/** A gap: samples start … end − 1 are lost. */
export interface SampleGap {
  readonly start: number
  readonly end: number
}

/** A part of the recording that is processed in one go, with the gaps in it. */
export interface Region extends SampleGap {
  readonly gaps: readonly SampleGap[]
}

/**
 * Converts gaps from seconds to samples, sorts them, and merges those that touch.
 *
 * @param length of the recording, in samples
 * @throws DiffWaveError `BAD_OPTION` for a gap that is empty, outside the recording or too long, and if the gaps cover
 * the whole recording
 */
export function gapsInSamples(
  gaps: readonly { readonly start: number; readonly end: number }[],
  sampleRate: number,
  length: number,
): SampleGap[] {
  const seconds = length / sampleRate
  const refuse = (problem: string, expected: string, { start, end }: SampleGap): never => {
    throw new DiffWaveError('BAD_OPTION', problem, { expected, got: `${start}-${end} s`, where: 'gaps' })
  }
  const samples = gaps.map(gap => {
    if (gap.start === gap.end) refuse('a gap is empty', 'start < end', gap)
    if (!(gap.start < gap.end)) refuse('a gap ends before it starts', 'start < end', gap)
    // The length in samples may be rounded.
    if (gap.start < 0 || gap.end > seconds + 1 / sampleRate) {
      refuse('a gap lies outside the recording', `within 0-${seconds.toFixed(3)} s`, gap)
    }
    if (gap.end - gap.start > MAX_GAP_SECONDS) refuse('a gap is too long', `at most ${MAX_GAP_SECONDS} s`, gap)
    const start = Math.min(length - 1, Math.round(gap.start * sampleRate))
    return { start, end: Math.min(length, Math.max(start + 1, Math.round(gap.end * sampleRate))) }
  })
  return mergedGaps(
    samples.sort((a, b) => a.start - b.start),
    length,
  )
}

/**
 * Merges gaps that touch.
 *
 * @param gaps in the order of their starts
 * @param length of the recording, in samples
 * @throws DiffWaveError `BAD_OPTION` if the gaps cover the whole recording
 */
export function mergedGaps(gaps: readonly SampleGap[], length: number): SampleGap[] {
  const merged: { start: number; end: number }[] = []
  for (const { start, end } of gaps) {
    const before = merged.at(-1)
    if (before !== undefined && start <= before.end) before.end = Math.max(before.end, end)
    else merged.push({ start, end })
  }
  // One that covers everything has been merged with all others.
  if (merged[0]?.start === 0 && merged[0].end === length) {
    throw new DiffWaveError('BAD_OPTION', 'the gap covers the whole recording', {
      expected: 'sound on one side of it at least',
      where: 'gaps',
    })
  }
  return merged
}

/**
 * Holds the samples on both sides of each gap, and fades them out within it. A filter that runs over the recording then
 * changes the known samples beside a gap less than silence would: in speech and music, an edge at −20 dB becomes one at
 * −30 dB.
 *
 * @param samples changed in the gaps
 * @param fade length of each fade in samples, less in a shorter gap
 */
export function fadedHold(samples: Float32Array, gaps: readonly SampleGap[], fade: number): void {
  for (const { start, end } of gaps) {
    const [left, right] = [start > 0 ? samples[start - 1]! : 0, end < samples.length ? samples[end]! : 0]
    const reach = Math.min(fade, end - start)
    samples.fill(0, start, end)
    for (let i = 0; i < reach; i++) {
      const share = 0.5 + 0.5 * Math.cos((Math.PI * (i + 1)) / (reach + 1))
      samples[start + i]! += share * left
      samples[end - 1 - i]! += share * right
    }
  }
}

/**
 * The regions to run the network over: each gap plus `reach` samples on both sides, widened to multiples of `grid`, and
 * merged where they meet. The last region may extend past the recording by less than `grid` samples.
 */
export function repairRegions(gaps: readonly SampleGap[], length: number, reach: number, grid: number): Region[] {
  const regions: { start: number; end: number; gaps: SampleGap[] }[] = []
  for (const gap of gaps) {
    const start = Math.floor(Math.max(0, gap.start - reach) / grid) * grid
    const end = Math.ceil(Math.min(length, gap.end + reach) / grid) * grid
    const before = regions.at(-1)
    if (before !== undefined && start <= before.end) {
      before.end = Math.max(before.end, end)
      before.gaps.push(gap)
    } else regions.push({ start, end, gaps: [gap] })
  }
  return regions
}

/**
 * Weight of the generated audio at a sample: 1 inside the gap, 0 from `fade` samples away on, a raised cosine in
 * between.
 */
export function shareOf({ start, end }: SampleGap, sample: number, fade: number): number {
  const distance = sample < start ? start - sample : sample >= end ? sample - end + 1 : 0
  return distance > fade ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * distance) / (fade + 1))
}
