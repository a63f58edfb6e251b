/**
 * Cuts crops out of recordings, with their mels. The mel of a whole clip, and its data if they are not the scaled
 * waveform, are computed at the first crop and kept. A crop thus has exactly the frames that its clip has there.
 */
import { labelAt } from '../../audio/labels.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { sliceMel } from '../../audio/mel/frames.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { denormaliseMel, normaliseMel } from '../../audio/mel/normalise.js'
import { MAX_PREPARED_BYTES } from '../../core/limits.js'
import type { DataDomain } from '../../data-domain/data-domain.js'
import { audioHop, type ModelConfig } from '../../model/config.js'
import { melContext } from '../../model/network.js'
import type { Clip } from './dataset.js'
import { audioOf, quantised } from './recording.js'

/** A piece of a recording, ready for training. */
export interface Crop {
  /** x_0 in the model's data domain. */
  readonly audio: Float32Array
  /** Frames of the audio and as many frames after its end as the network looks ahead. Null without a mel. */
  readonly mel: Mel | null
  /** Index of the label at the middle of the crop. */
  readonly label: number | null
  /** Highest frequency in Hz that the recording contains (`Clip.limit`), at most half the model's rate. */
  readonly limit: number
}

/** The mel and the data of a clip, at a gain of 1. */
interface Prepared {
  readonly mel: Mel | null
  /** x_0, in multiples of the domain's quantum if it has one. Null if x_0 is just the scaled waveform. */
  readonly data: Int16Array | Float32Array | null
}

/** Converts the 16-bit samples of a clip to audio. */
export function clipAudio(clip: Clip): Float32Array {
  return audioOf(clip.samples)
}

/** Counts the places where a crop of a clip can start: one if the clip is shorter than a crop. */
export function cropStarts(clip: Clip, model: ModelConfig, count: number): number {
  return Math.max(1, Math.floor((clip.samples.length - count) / audioHop(model)) + 1)
}

/** Finds the index of the label at the middle of a crop; null if the model does not have that label. */
export function cropLabel(
  clip: Clip,
  { network, sampleRate }: ModelConfig,
  start: number,
  count: number,
): number | null {
  const label = labelAt(clip.label, (start + count / 2) / sampleRate)
  const index = network.labels === null ? -1 : labelIndex(network.labels, label)
  return index < 0 ? null : index
}

/** The indices of the labels of models, by composed name. */
const labelIndices = new WeakMap<readonly string[], ReadonlyMap<string, number>>()

/** Finds the index of a label; −1 if the model does not have it. Composed and decomposed characters are the same. */
export function labelIndex(labels: readonly string[], label: string): number {
  let indices = labelIndices.get(labels)
  if (indices === undefined) {
    indices = new Map(labels.map((own, i) => [own.normalize('NFC'), i] as const).reverse())
    labelIndices.set(labels, indices)
  }
  return indices.get(label) ?? indices.get(label.normalize('NFC')) ?? -1
}

/** Makes crops for one model. */
export class Cropper {
  /** Mels and data of clips, in the order of first use. */
  readonly #prepared = new Map<Clip, Prepared>()
  #bytes = 0

  readonly #model: ModelConfig
  readonly #domain: DataDomain

  /** @param domain the model's data domain (`domainOf`) */
  constructor(model: ModelConfig, domain: DataDomain) {
    this.#model = model
    this.#domain = domain
  }

  /**
   * Cuts samples start to start + count − 1. They are silent before the clip's start and after its end.
   *
   * @param start a multiple of the hop if there is a mel, else of the domain's block. It may be negative only without a
   * mel.
   * @param gain factor of the audio. The mel is computed from the changed audio.
   */
  crop(clip: Clip, start: number, count: number, gain = 1): Crop {
    const label = cropLabel(clip, this.#model, start, count)
    const audio = new Float32Array(count)
    const prepared = this.#prepare(clip)
    const from = prepared?.data ?? clip.samples
    const scale = this.#scale(gain)
    const end = Math.min(count, from.length - start)
    for (let i = Math.max(0, -start); i < end; i++) audio[i] = from[start + i]! * scale
    const mel = prepared?.mel ?? null
    const limit = clip.limit ?? this.#model.sampleRate / 2
    return { audio, mel: mel === null ? null : this.#frames(mel, start, count, gain), label, limit }
  }

  /** Computes the factor of the stored numbers of a clip: of its 16-bit samples, or of its data. */
  #scale(gain: number): number {
    const { sampleScale, quantum } = this.#domain
    if (sampleScale !== null) return (this.#domain.gain(gain) * sampleScale) / 32768
    return this.#domain.gain(gain) * (quantum ?? 1)
  }

  #prepare(clip: Clip): Prepared | null {
    if (this.#model.mel === null && this.#domain.sampleScale !== null) return null
    const known = this.#prepared.get(clip)
    if (known !== undefined) return known
    const prepared = this.#preparation(clip, this.#model.mel)
    this.#prepared.set(clip, prepared)
    this.#bytes += bytesOf(prepared)
    for (const [oldest, kept] of this.#prepared) {
      if (this.#bytes <= MAX_PREPARED_BYTES) break
      this.#prepared.delete(oldest)
      this.#bytes -= bytesOf(kept)
    }
    return prepared
  }

  #preparation(clip: Clip, convention: MelConvention | null): Prepared {
    const samples = clipAudio(clip)
    const { sampleRate } = this.#model
    const mel = clip.mel ?? (convention === null ? null : melSpectrogram({ samples, sampleRate }, convention))
    const { sampleScale, quantum } = this.#domain
    if (sampleScale !== null) return { mel, data: null }
    const data = this.#domain.encode(samples, mel)
    return { mel, data: quantum === null ? data : quantised(data, 1 / quantum) }
  }

  /** Cuts the frames of a crop. After the clip's end, its last frame is repeated. */
  #frames(mel: Mel, start: number, count: number, gain: number): Mel {
    const convention = this.#model.mel!
    const frames = count / convention.hop + melContext(this.#model.network.mel!)
    const first = start / convention.hop
    const cut = sliceMel(mel, first, first + frames)
    if (gain === 1) return cut
    const factor = convention.power === 2 ? gain * gain : gain
    const data = cut.data.map((value, i) => {
      const band = Math.floor(i / frames)
      return normaliseMel(denormaliseMel(value, convention, band) * factor, convention, band)
    })
    return { ...cut, data }
  }
}

function bytesOf({ mel, data }: Prepared): number {
  return (mel?.data.byteLength ?? 0) + (data?.byteLength ?? 0)
}
