/**
 * The waveform whitened by its mel: SpecGrad's prior (spectral-envelope.ts) as a change of variables. The diffusion
 * runs on y = s·M⁻¹·x with signal scale s. In y the noise is white; M colours the result.
 */
import type { Mel } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { BaseDomain } from './base-domain.js'
import type { Decoder } from './data-domain.js'
import { FrameFilter } from './frame-filter.js'
import { emphasis, type SpectralEnvelope, whiten } from './spectral-envelope.js'
import { scaled, unscaled } from './waveform.js'

/**
 * Whitened speech has a deviation of about 1 and rare peaks up to 30. The bound is for inpainting: known audio beside
 * audio that is 80 dB quieter whitens to far larger values, and each pass makes them larger. Without the bound they
 * reached 10⁵ times full scale after 24 passes.
 */
const MAX_WHITE = 30

/** Rounded to multiples of 2^−10, whitened speech has rounding noise 70 dB below it, and its peaks fit 16 bits. */
const WHITE_QUANTUM = 2 ** -10

/**
 * Seconds beside a gap over which the weight of the known audio rises to 1. Without this ramp, the difference between
 * known and predicted audio would end in a step at the gap's edge, and whitening would turn the step into a click.
 */
const WHITE_TAPER = 0.004

export class EnvelopePriorDomain extends BaseDomain {
  override readonly quantum: number
  override readonly lookAhead: number
  override readonly reach: number
  readonly whiteGain: number
  override readonly maxAbs: number
  override readonly taper = WHITE_TAPER
  readonly #envelope: SpectralEnvelope
  readonly #signalScale: number

  constructor(envelope: SpectralEnvelope, signalScale: number) {
    super()
    const { fftSize } = envelope.convention
    this.#envelope = envelope
    this.#signalScale = signalScale
    this.quantum = signalScale * WHITE_QUANTUM
    this.maxAbs = signalScale * MAX_WHITE
    this.whiteGain = signalScale
    this.lookAhead = fftSize
    // Half a window each for M, M⁻¹ and M again in inpainting, and half a window to spare.
    this.reach = 2 * fftSize
  }

  encode(audio: Float32Array, mel: Mel): Float32Array {
    return whiten(scaled(audio, this.#signalScale), mel, this.#envelope)
  }

  decoder(mel: MelReaders): Decoder {
    const reader = mel.lastReader()
    const filter = new FrameFilter(this.#envelope.convention)
    const push = (data: Float32Array, last: boolean) => {
      for (const piece of reader.take()) {
        for (let frame = 0; frame < piece.mel.frames; frame++) {
          filter.pushGains(this.#envelope.gains(piece.mel, frame))
        }
        if (piece.last) filter.endGains()
      }
      return unscaled(filter.push(data, last), this.#signalScale)
    }
    return { push: data => push(data, false), flush: () => push(new Float32Array(0), true) }
  }

  override emphasis(mel: Mel, exponent: number): (data: Float32Array) => Float32Array {
    return emphasis(mel, this.#envelope, exponent)
  }

  /** Always 1: the gain changes the envelope, not the whitened data. */
  override gain(_gain: number): number {
    return 1
  }
}
