/**
 * The waveform times a constant, the signal scale. Audio has a deviation of about 0.1, the noise has 1. The scale
 * brings them closer together, so that the training steps are spread over the noise levels that matter (Chen 2023, “On
 * the importance of noise scheduling”, section 2.2).
 */
import type { Mel } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { BaseDomain } from './base-domain.js'
import type { Decoder } from './data-domain.js'

export class WaveformDomain extends BaseDomain {
  override readonly sampleScale: number
  readonly whiteGain: number

  constructor(signalScale: number) {
    super()
    this.sampleScale = signalScale
    this.whiteGain = signalScale
  }

  encode(audio: Float32Array, _mel: Mel | null): Float32Array {
    return scaled(audio, this.sampleScale)
  }

  decoder(_mel: MelReaders | null): Decoder {
    return { push: data => unscaled(data, this.sampleScale), flush: () => new Float32Array(0) }
  }
}

/** Audio times a signal scale. */
export function scaled(audio: Float32Array, signalScale: number): Float32Array {
  return signalScale === 1 ? audio : audio.map(x => x * signalScale)
}

/** The inverse of `scaled`. */
export function unscaled(data: Float32Array, signalScale: number): Float32Array {
  return signalScale === 1 ? data : data.map(y => y / signalScale)
}
