/** What all domains with white noise have in common: clips start from the noise as it is drawn. */
import type { Mel } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import type { NoiseOptions, NoiseShaper, StartOptions } from './data-domain.js'

export abstract class WhiteNoiseDomain {
  start(mel: MelReaders | null, options?: StartOptions): NoiseShaper {
    return this.noise(mel, { ...options, times: 1 })
  }

  noise(_mel: MelReaders | null, _options?: NoiseOptions): NoiseShaper {
    return (white, start, count) => white(start, count)
  }

  lossWeight(_mel: Mel | null, _length: number, _loss: 'l1' | 'l2', _base: number): Float32Array | null {
    return null
  }
}
