/**
 * Mixes decoded channels down to one as they arrive, within a bound, so that no file unfolds into more memory than its
 * size justifies.
 */
import { DiffWaveError } from '../../core/errors.js'
import { MAX_AUDIO_SAMPLES, MAX_SAMPLES_PER_BYTE, MIN_DECODED_SAMPLES } from '../../core/limits.js'

/** Number of samples per block: 4 MB. */
const BLOCK = 2 ** 20

/** Options of decoding. */
export interface DecodeOptions {
  /**
   * Max length in seconds. A longer recording is refused while it is decoded. Default: limited only by
   * `MAX_AUDIO_SAMPLES` and the size of the file.
   */
  readonly maxSeconds?: number | undefined
}

/** Refuses audio longer than the caller allows. @throws DiffWaveError `TOO_LARGE` */
export function refuseTooLong(
  samples: number,
  sampleRate: number,
  { maxSeconds = Number.POSITIVE_INFINITY }: DecodeOptions,
  where: string,
): void {
  if (samples <= maxSeconds * sampleRate) return
  throw new DiffWaveError('TOO_LARGE', 'the audio is too long', {
    expected: `at most ${maxSeconds} s`,
    got: `${(samples / sampleRate).toFixed(1)} s`,
    where,
    hint: 'Split it into shorter parts.',
  })
}

/** Max number of samples that a file of a given size may decode to. */
export function maxSamplesOf(fileBytes: number): number {
  return Math.min(MAX_AUDIO_SAMPLES, MIN_DECODED_SAMPLES + MAX_SAMPLES_PER_BYTE * fileBytes)
}

/**
 * Number of samples that may be decoded beyond the end, as padding that is trimmed later: the longest block of Vorbis.
 */
const PADDING = 8192

/** What is known about the file whose channels are mixed. */
export interface MonoMixerOptions extends DecodeOptions {
  /** Size of the file, which bounds the decoded length. */
  readonly fileBytes: number
  readonly sampleRate: number
  /** Number of samples that the file declares. Default: unknown. */
  readonly expected?: number
  /** Names the file in errors. */
  readonly where: string
}

/** Collects samples: the mean over the channels of each piece. */
export class MonoMixer {
  readonly #options: MonoMixerOptions
  readonly #max: number
  readonly #blocks: Float32Array[] = []
  /** Samples in the last block. */
  #filled = 0
  #length = 0
  /** Samples that were ever added, including those that were trimmed since. */
  #added = 0

  /** @throws DiffWaveError `TOO_LARGE` */
  constructor(options: MonoMixerOptions) {
    const { fileBytes, expected = 0 } = options
    this.#options = options
    this.#max = maxSamplesOf(fileBytes)
    this.#check(expected)
    // A single block of the right size needs no copy at the end. Memory that is never written to is not taken from the
    // system.
    if (expected > 0) this.#blocks.push(new Float32Array(expected))
  }

  /** Number of samples so far. */
  get length(): number {
    return this.#length
  }

  /** Mixes down samples `start` … `end` − 1 of the channels. @throws DiffWaveError `TOO_LARGE` */
  add(channels: readonly Float32Array[], start: number, end: number): void {
    this.#check(this.#length + end - start, PADDING)
    this.#added += end - start
    // A chain may trim all of its streams, which still take time to decode. So twice the limit may be added.
    this.#check(Math.ceil(this.#added / 2), PADDING)
    const share = 1 / channels.length
    for (let from = start; from < end; ) {
      let block = this.#blocks.at(-1)
      if (block === undefined || this.#filled === block.length) {
        block = new Float32Array(BLOCK)
        this.#blocks.push(block)
        this.#filled = 0
      }
      const count = Math.min(end - from, block.length - this.#filled)
      const first = channels[0]!
      for (let i = 0; i < count; i++) {
        let sum = first[from + i]!
        for (let channel = 1; channel < channels.length; channel++) sum += channels[channel]![from + i]!
        block[this.#filled + i] = sum * share
      }
      from += count
      this.#filled += count
      this.#length += count
    }
  }

  /** Drops everything after the first `length` samples. */
  trim(length: number): void {
    while (this.#length > length) {
      const dropped = Math.min(this.#filled, this.#length - length)
      this.#filled -= dropped
      this.#length -= dropped
      if (this.#filled > 0 || this.#blocks.length === 1) continue
      this.#blocks.pop()
      this.#filled = this.#blocks.at(-1)!.length
    }
  }

  /** All samples so far, as one array. @throws DiffWaveError `TOO_LARGE` */
  finish(): Float32Array {
    this.#check(this.#length)
    const [first] = this.#blocks
    if (this.#blocks.length === 1 && first!.length === this.#length) return first!
    const samples = new Float32Array(this.#length)
    let at = 0
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift()) {
      samples.set(block.subarray(0, this.#length - at), at)
      at += block.length
    }
    return samples
  }

  #check(samples: number, padding = 0): void {
    const { sampleRate, where } = this.#options
    refuseTooLong(samples - padding, sampleRate, this.#options, where)
    if (samples - padding <= this.#max) return
    throw new DiffWaveError('TOO_LARGE', 'the recording decodes to too many samples', {
      expected: `at most ${this.#max}`,
      got: String(samples),
      where,
      hint: 'Split it into shorter files.',
    })
  }
}
