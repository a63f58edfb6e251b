/**
 * Crops of recordings with their mels. Mel and whitened audio, or subbands, of a whole clip are computed when it is first cropped and kept, so that
 * a crop has the very frames that its clip has there.
 */
import { labelAt } from '../../audio/audio-files.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { denormaliseMel, melSpectrogram, normaliseMel } from '../../audio/mel/mel.js'
import { MAX_PREPARED_BYTES } from '../../core/limits.js'
import { modelEnvelope, type SpectralEnvelope, whiten } from '../../data-domain/envelope.js'
import { modelSubbands, type Subbands } from '../../data-domain/subbands.js'
import { audioHop, type ModelConfig } from '../../model/config.js'
import { melContext } from '../../model/network.js'
import { type Clip, quantised } from './dataset.js'

/** A piece of a recording. */
export interface Crop {
  /** As the diffusion sees it: white under a mel-envelope prior, or in subbands. */
  readonly audio: Float32Array
  /** Frames of the audio and, past its end, as many more as the network looks ahead. */
  readonly mel: Mel | null
  /** Index of the label at its middle. */
  readonly label: number | null
}

/** What a clip is trained as, at gain 1. */
interface Prepared {
  readonly mel: Mel | null
  /** The diffusion's data where they are not the audio: white, times `WHITE_SCALE`, or subbands. */
  readonly data: Int16Array | Float32Array | null
}

/** Whitened speech has a deviation about 1 and rare peaks to 30: 2^−10 apart, its rounding lies 70 dB below it. */
const WHITE_SCALE = 1024

/** 16-bit samples of a clip as audio. */
export function clipAudio(clip: Clip): Float32Array {
  // A loop: `from` with a function takes ten times as long, and a run begins by preparing every clip.
  const audio = new Float32Array(clip.samples.length)
  for (let i = 0; i < audio.length; i++) audio[i] = clip.samples[i]! / 32768
  return audio
}

/** Places where a crop of a clip can start; one where it is shorter than a crop. */
export function cropStarts(clip: Clip, model: ModelConfig, count: number): number {
  return Math.max(1, Math.floor((clip.samples.length - count) / audioHop(model)) + 1)
}

/** Index of the label at the middle of a crop. */
export function cropLabel(
  clip: Clip,
  { network, sampleRate }: ModelConfig,
  start: number,
  count: number,
): number | null {
  const label = labelAt(clip.label, (start + count / 2) / sampleRate)
  const index = network.labels?.indexOf(label) ?? -1
  return index < 0 ? null : index
}

/** Makes crops for one model. */
export class Cropper {
  /** In the order of first use. */
  readonly #prepared = new Map<Clip, Prepared>()
  #bytes = 0

  /** Of the prior, where it has one. */
  readonly envelope: SpectralEnvelope | null
  readonly #subbands: Subbands | null

  constructor(private readonly model: ModelConfig) {
    this.envelope = modelEnvelope(model)
    this.#subbands = modelSubbands(model.diffusion)
  }

  /**
   * Samples start … start + count − 1, silence before the clip's start and after its end.
   *
   * @param start a multiple of the hop where there is a mel, of the patch where there are subbands, and before the clip's start
   * only where there is no mel
   * @param gain factor of the audio; the mel is that of the changed audio
   */
  crop(clip: Clip, start: number, count: number, gain = 1): Crop {
    const label = cropLabel(clip, this.model, start, count)
    const audio = new Float32Array(count)
    const prepared = this.#prepare(clip)
    const from = prepared?.data ?? clip.samples
    const scale = this.#scale(gain)
    const end = Math.min(count, from.length - start)
    for (let i = Math.max(0, -start); i < end; i++) audio[i] = from[start + i]! * scale
    const mel = prepared?.mel ?? null
    return { audio, mel: mel === null ? null : this.#frames(mel, start, count, gain), label }
  }

  /** What the numbers of a clip are multiplied with. */
  #scale(gain: number): number {
    if (this.#subbands !== null) return gain
    // The envelope takes the gain, so what is white stays as it is.
    if (this.envelope !== null) return 1 / WHITE_SCALE
    return (gain * this.model.diffusion.signalScale) / 32768
  }

  #prepare(clip: Clip): Prepared | null {
    if (this.model.mel === null && this.#subbands === null) return null
    const known = this.#prepared.get(clip)
    if (known !== undefined) return known
    const prepared = this.#preparation(clip, this.model.mel)
    this.#prepared.set(clip, prepared)
    this.#bytes += bytesOf(prepared)
    for (const [oldest, held] of this.#prepared) {
      if (this.#bytes <= MAX_PREPARED_BYTES) break
      this.#prepared.delete(oldest)
      this.#bytes -= bytesOf(held)
    }
    return prepared
  }

  #preparation(clip: Clip, convention: MelConvention | null): Prepared {
    const samples = clipAudio(clip)
    if (convention === null) return { mel: null, data: this.#subbands?.fromAudio(samples) ?? null }
    const mel = clip.mel ?? melSpectrogram({ samples, sampleRate: this.model.sampleRate }, convention)
    return { mel, data: this.envelope === null ? null : quantised(whiten(samples, mel, this.envelope), WHITE_SCALE) }
  }

  /** Frames of a crop, the last one held past the clip's end. */
  #frames(mel: Mel, start: number, count: number, gain: number): Mel {
    const convention = this.model.mel!
    const frames = count / convention.hop + melContext(this.model.network.mel!)
    const first = start / convention.hop
    const data = new Float32Array(mel.bands * frames)
    const factor = convention.power === 2 ? gain * gain : gain
    for (let band = 0; band < mel.bands; band++) {
      for (let f = 0; f < frames; f++) {
        const value = mel.data[band * mel.frames + Math.min(mel.frames - 1, first + f)]!
        data[band * frames + f] =
          gain === 1 ? value : normaliseMel(denormaliseMel(value, convention, band) * factor, convention, band)
      }
    }
    return { data, bands: mel.bands, frames }
  }
}

function bytesOf({ mel, data }: Prepared): number {
  return (mel?.data.byteLength ?? 0) + (data?.byteLength ?? 0)
}
