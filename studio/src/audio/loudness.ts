/** How loud sounds are played. x_t can be 20 dB louder than speech, and far beyond full scale. */

/** Root mean square of what is played, at most: -20 dB below full scale, as loud as usual speech. */
const MAX_RMS = 0.1
/** Largest sample that is played. */
const MAX_PEAK = 0.95

export interface Loudness {
  readonly rms: number
  readonly peak: number
}

export function loudnessOf(samples: Float32Array): Loudness {
  let [sum, peak] = [0, 0]
  for (const sample of samples) {
    sum += sample * sample
    peak = Math.max(peak, Math.abs(sample))
  }
  return { rms: Math.sqrt(sum / Math.max(1, samples.length)), peak }
}

/** Factor that turns a loud sound down; quiet ones are played as they are. */
export function playbackGain({ rms, peak }: Loudness): number {
  return Math.min(1, MAX_RMS / Math.max(rms, 1e-9), MAX_PEAK / Math.max(peak, 1e-9))
}
