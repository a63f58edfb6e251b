/** Values of an axis as pixels. */
import { linearTicks, logTicks, type Tick } from './ticks.js'

export interface Scale {
  readonly min: number
  readonly max: number
  /** Pixel of a value; outside the range it lies outside the axis. */
  pixel(value: number): number
  /** Value at a pixel. */
  value(pixel: number): number
  /** @param count intervals at most */
  ticks(count: number): readonly Tick[]
}

/** @param from pixel of `min` @param to pixel of `max` */
export function linearScale(min: number, max: number, from: number, to: number): Scale {
  const span = max > min ? max - min : 1
  return {
    min,
    max,
    pixel: value => from + ((value - min) / span) * (to - from),
    value: pixel => min + ((pixel - from) / (to - from)) * span,
    ticks: count => linearTicks(min, max, count),
  }
}

/** A linear scale of numbers that are counted, as steps are. */
export function wholeScale(min: number, max: number, from: number, to: number): Scale {
  return { ...linearScale(min, max, from, to), ticks: count => linearTicks(min, max, Math.min(count, max - min)) }
}

/** @param min above 0 */
export function logScale(min: number, max: number, from: number, to: number): Scale {
  const linear = linearScale(Math.log10(min), Math.log10(max), from, to)
  return {
    min,
    max,
    pixel: value => linear.pixel(Math.log10(value)),
    value: pixel => 10 ** linear.value(pixel),
    ticks: count => {
      const ticks = logTicks(min, max)
      // Within a part of an octave there is no round power.
      return ticks.length < 2 ? linearTicks(min, max, count) : ticks
    },
  }
}
