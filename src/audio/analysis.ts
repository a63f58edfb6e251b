/** Describes a recording in a few numbers, for `diffwave inspect` and the levels of evaluations. */
import Meyda from 'meyda/dist/node/main.js'
import type { Audio } from './audio.js'
import { checkNotEmpty } from './check-audio.js'
import { FULL_SCALE } from './sample-scale.js'

export interface AudioDescription {
  readonly seconds: number
  /** Largest |sample|. */
  readonly peak: number
  /** Root mean square in dB below full scale; −Infinity for silence. */
  readonly rmsDecibels: number
  /** Share of frames more than 60 dB below full scale, 0 … 1. */
  readonly silentShare: number
  /** Samples at or beyond full scale. */
  readonly clippedSamples: number
  /** Mean spectral centroid of the frames that sound, Hz. */
  readonly spectralCentroid: number
}

/** Number of samples per measured frame. meyda requires a power of two. */
const FRAME = 1024
/** Root mean square below which a frame is silent: −60 dB. */
const SILENCE = 1e-3

/** @throws DiffWaveError `BAD_AUDIO` if there are no samples */
export function describeAudio({ samples, sampleRate }: Audio): AudioDescription {
  checkNotEmpty(samples, 'the recording')
  let peak = 0
  let squares = 0
  let clippedSamples = 0
  for (const sample of samples) {
    const size = Math.abs(sample)
    if (size > peak) peak = size
    if (size >= FULL_SCALE) clippedSamples++
    squares += sample * sample
  }
  Meyda.bufferSize = FRAME
  Meyda.sampleRate = sampleRate
  let frames = 0
  let silent = 0
  let centroids = 0
  for (let start = 0; start < samples.length; start += FRAME) {
    const frame = new Float32Array(FRAME)
    frame.set(samples.subarray(start, start + FRAME))
    const features = Meyda.extract(['rms', 'spectralCentroid'], frame)
    frames++
    if ((features?.rms ?? 0) < SILENCE) silent++
    // meyda returns the centroid in bins.
    else centroids += ((features?.spectralCentroid ?? 0) * sampleRate) / FRAME
  }
  return {
    seconds: samples.length / sampleRate,
    peak,
    rmsDecibels: 10 * Math.log10(squares / samples.length),
    silentShare: silent / frames,
    clippedSamples,
    spectralCentroid: frames > silent ? centroids / (frames - silent) : 0,
  }
}
