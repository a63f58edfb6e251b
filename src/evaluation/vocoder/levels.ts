/**
 * Level differences between a copy and its original in dB: over the whole, in the original's pauses (hiss), and above 8
 * kHz, which the usual mels do not cover.
 */
import { describeAudio } from '../../audio/analysis.js'
import { MAGNITUDE_FLOOR, spectrogram } from '../spectrogram.js'

export interface LevelDifferences {
  /** Level of the whole copy minus that of the original, in dB; null if either is silent. */
  readonly whole: number | null
  /**
   * The same over the pauses, in which the original is more than 50 dB below its loudest frame; null if there are none.
   */
  readonly pauses: number | null
  /** The same above 8 kHz; null if the sample rate is too low, or either has nothing there. */
  readonly high: number | null
  /** Difference of the mean spectral centroids in Hz. */
  readonly centroid: number
}

const WINDOW = 1024
/** Hz. */
const HIGH = 8000
/** Energy of a pause, as a share of the loudest frame's. */
const PAUSE = 10 ** (-50 / 10)
/** The floor in float32 may differ from it by this share; a sum of its squares by twice as much. */
const FLOOR_ROUNDING = 2 ** -22

/** @param original @param made of the same length @param sampleRate in Hz, of both */
export function levelDifferences(original: Float32Array, made: Float32Array, sampleRate: number): LevelDifferences {
  const a = spectrogram(original, sampleRate, WINDOW, sampleRate / 2)
  const b = spectrogram(made, sampleRate, WINDOW, sampleRate / 2)
  const firstHigh = Math.ceil((HIGH / sampleRate) * WINDOW)
  const energies = ({ data, bins, frames }: typeof a, first: number) =>
    Float64Array.from({ length: frames }, (_, frame) => {
      let sum = 0
      for (let bin = first; bin < bins; bin++) sum += data[frame * bins + bin]! ** 2
      return sum
    })
  const [wholeA, wholeB] = [energies(a, 0), energies(b, 0)]
  const loudest = wholeA.reduce((x, y) => Math.max(x, y), 0)
  const pausing = [...wholeA.keys()].filter(frame => wholeA[frame]! < PAUSE * loudest)
  const sum = (values: Iterable<number>) => [...values].reduce((x, y) => x + y, 0)
  const decibels = (from: number, to: number) => 10 * Math.log10(to / from)
  const described = [original, made].map(samples => describeAudio({ samples, sampleRate }))
  const [first, second] = described as [(typeof described)[0], (typeof described)[0]]
  const highBins = a.bins - firstHigh
  const [highA, highB] = [sum(energies(a, firstHigh)), sum(energies(b, firstHigh))]
  // Silence lies at the floor of the spectrograms, which is no level of a recording.
  const silence = a.frames * highBins * MAGNITUDE_FLOOR ** 2
  const isHeard = (energy: number) => energy > silence * (1 + FLOOR_ROUNDING)
  return {
    whole: first.peak > 0 && second.peak > 0 ? second.rmsDecibels - first.rmsDecibels : null,
    pauses:
      pausing.length > 0
        ? decibels(sum(pausing.map(frame => wholeA[frame]!)), sum(pausing.map(frame => wholeB[frame]!)))
        : null,
    high: highBins > 1 && isHeard(highA) && isHeard(highB) ? decibels(highA, highB) : null,
    centroid: second.spectralCentroid - first.spectralCentroid,
  }
}
