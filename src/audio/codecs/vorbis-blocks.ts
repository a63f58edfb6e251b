/**
 * Decodes the blocks of Vorbis (Vorbis I specification, section 4.3) and mixes them down to one channel. The transform
 * is linear, so the spectra of the channels are added up and transformed once.
 */
import { CosineTransform } from '../transforms/cosine-transform.js'
import { bitLength, LowBitReader } from './low-bit-reader.js'
import { VorbisFault } from './vorbis-codebook.js'
import type { Mapping, Mode, VorbisHead } from './vorbis-setup.js'

/** The fields at the start of an audio packet. */
interface BlockHead {
  readonly mode: Mode
  readonly length: number
  /** Lengths of the window's overlap with the blocks before and after. */
  readonly before: number
  readonly after: number
}

/** Decodes the packets of one stream in order. */
export class VorbisBlocks {
  readonly #head: VorbisHead
  readonly #modes: readonly Mode[]
  readonly #transforms: ReadonlyMap<number, CosineTransform>
  readonly #slopes: ReadonlyMap<number, Float64Array>
  readonly #spectra: readonly Float32Array[]
  /** The windowed second half of the previous block; null before the first block. */
  #tail: Float64Array | null = null

  constructor(head: VorbisHead, modes: readonly Mode[]) {
    this.#head = head
    this.#modes = modes
    this.#transforms = new Map(head.blocks.map(block => [block, transformOf(block / 2)]))
    this.#slopes = new Map(head.blocks.map(block => [block, slopeOf(block / 2)]))
    this.#spectra = Array.from({ length: head.channels }, () => new Float32Array(head.blocks[1] / 2))
  }

  /** The number of samples in a packet's block; 0 if it has no audio. @throws VorbisFault */
  lengthOf(packet: Uint8Array): number {
    return this.#read(new LowBitReader(packet), packet.length)?.length ?? 0
  }

  /**
   * Decodes a packet to the samples from the middle of the previous block to the middle of this one. The first block
   * gives none.
   *
   * @throws VorbisFault
   */
  decode(packet: Uint8Array): Float32Array {
    const bits = new LowBitReader(packet)
    const head = this.#read(bits, packet.length)
    if (head === null) return new Float32Array(0)
    const block = this.#transform(this.#spectrum(bits, head), head.length)
    const half = head.length / 2
    this.#window(block, head)
    const tail = this.#tail
    this.#tail = block.slice(half)
    if (tail === null) return new Float32Array(0)
    const samples = new Float32Array((tail.length + half) / 2)
    // The start of this block relative to the middle of the previous one. It may be negative.
    const offset = (tail.length - half) / 2
    for (let i = 0; i < samples.length; i++) {
      const own = i - offset
      samples[i] = (i < tail.length ? tail[i]! : 0) + (own >= 0 ? block[own]! : 0)
    }
    return samples
  }

  /** Reads the start of a packet. @returns null for a packet without audio */
  #read(bits: LowBitReader, bytes: number): BlockHead | null {
    if (bytes === 0 || bits.read(1) !== 0) return null
    const modeBits = bitLength(this.#modes.length - 1)
    const [short, long] = this.#head.blocks
    if (bits.left < modeBits + 2) throw new VorbisFault('a packet is cut short')
    const mode = this.#modes[bits.read(modeBits)]
    if (mode === undefined) throw new VorbisFault('a packet is damaged')
    if (!mode.long) return { mode, length: short, before: short, after: short }
    const [before, after] = [bits.read(1), bits.read(1)].map(isLong => (isLong === 1 ? long : short)) as [
      number,
      number,
    ]
    return { mode, length: long, before, after }
  }

  /** Decodes the mean of the channels' spectra, `[length / 2]`. */
  #spectrum(bits: LowBitReader, { mode, length }: BlockHead): Float64Array {
    const half = length / 2
    const { submaps, couplings } = mode.mapping
    const spectra = this.#spectra.map(spectrum => spectrum.subarray(0, half))
    const floors = new FloorCurves(mode.mapping, spectra.length, half)
    floors.decode(bits)
    const silent = floors.silent.slice()
    for (const { magnitude, angle } of couplings) {
      if (silent[magnitude] && silent[angle]) continue
      silent[magnitude] = false
      silent[angle] = false
    }
    for (const spectrum of spectra) spectrum.fill(0)
    for (const { residue, channels } of submaps) {
      const own = channels.map(channel => spectra[channel]!)
      residue.decode(
        bits,
        own,
        half,
        channels.map(channel => silent[channel]!),
      )
    }
    for (const { magnitude, angle } of couplings.toReversed()) uncouple(spectra[magnitude]!, spectra[angle]!)
    const sum = new Float64Array(half)
    const share = 1 / spectra.length
    for (const [channel, spectrum] of spectra.entries()) {
      const curve = floors.curves[channel]
      if (curve === undefined) continue
      for (let i = 0; i < half; i++) sum[i]! += share * curve[i]! * spectrum[i]!
    }
    return sum
  }

  /** The inverse MDCT: y_i = Σ X_k·cos(π/N·(i + ½ + N/2)(k + ½)), i = 0 … 2N − 1, from the DCT-IV of length N. */
  #transform(spectrum: Float64Array, length: number): Float64Array {
    const size = length / 2
    this.#transforms.get(length)!.apply(spectrum)
    const scale = Math.sqrt(size / 2)
    const block = new Float64Array(length)
    for (let i = 0; i < size / 2; i++) {
      block[i] = scale * spectrum[size / 2 + i]!
      block[size - 1 - i] = -block[i]!
      block[size + i] = -scale * spectrum[size / 2 - 1 - i]!
      block[length - 1 - i] = block[size + i]!
    }
    return block
  }

  #window(block: Float64Array, { length, before, after }: BlockHead): void {
    const [rising, falling] = [this.#slopes.get(before)!, this.#slopes.get(after)!]
    const rise = length / 4 - before / 4
    const fall = (3 * length) / 4 - after / 4
    block.fill(0, 0, rise)
    for (let i = 0; i < rising.length; i++) block[rise + i]! *= rising[i]!
    for (let i = 0; i < falling.length; i++) block[fall + i]! *= falling[falling.length - 1 - i]!
    block.fill(0, fall + falling.length)
  }
}

/** The floor curves of a block's channels. */
class FloorCurves {
  readonly silent: boolean[]
  /** By channel, `[length]`; a silent channel has none. */
  readonly curves: (Float32Array | undefined)[]
  readonly #mapping: Mapping
  readonly #length: number

  constructor(mapping: Mapping, channels: number, length: number) {
    this.#mapping = mapping
    this.#length = length
    this.silent = new Array<boolean>(channels).fill(true)
    this.curves = new Array<undefined>(channels).fill(undefined)
  }

  decode(bits: LowBitReader): void {
    for (let channel = 0; channel < this.silent.length; channel++) {
      const submap = this.#mapping.submaps.find(({ channels }) => channels.includes(channel))!
      if (!submap.floor.decode(bits)) continue
      this.silent[channel] = false
      const curve = new Float32Array(this.#length).fill(1)
      submap.floor.apply(curve, this.#length)
      this.curves[channel] = curve
    }
  }
}

/** Converts magnitude and angle back to two channels in place (section 4.3.5). */
function uncouple(magnitudes: Float32Array, angles: Float32Array): void {
  for (let i = 0; i < magnitudes.length; i++) {
    const [magnitude, angle] = [magnitudes[i]!, angles[i]!]
    if (angle > 0) angles[i] = magnitude > 0 ? magnitude - angle : magnitude + angle
    else {
      angles[i] = magnitude
      magnitudes[i] = magnitude > 0 ? magnitude + angle : magnitude - angle
    }
  }
}

/** Keeps what a function makes for each length: blocks have eight lengths at most. */
function kept<Value>(make: (length: number) => Value): (length: number) => Value {
  const made = new Map<number, Value>()
  return length => {
    const value = made.get(length) ?? make(length)
    made.set(length, value)
    return value
  }
}

const transformOf = kept(length => new CosineTransform(length))
const slopeOf = kept(risingHalf)

/** The rising half of the window (section 4.3.1), `[length]`. */
function risingHalf(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) =>
    Math.sin((Math.PI / 2) * Math.sin(((i + 0.5) / length) * (Math.PI / 2)) ** 2),
  )
}
