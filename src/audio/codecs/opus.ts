/** Opus in Ogg (RFC 7845). libopus, compiled to WASM (`opus-decoder`), decodes the packets. */
import { setImmediate } from 'node:timers/promises'
import type { OpusDecoder } from 'opus-decoder'
import { DiffWaveError } from '../../core/errors.js'
import type { Recording } from '../audio.js'
import { checkSamples } from '../check-audio.js'
import { type DecodeOptions, MonoMixer } from './mono.js'
import { type OggLink, OggReader, oggPackets } from './ogg.js'

/** The sample rate to which Opus always decodes, in Hz. */
const RATE = 48_000
const MAGIC = 'OpusHead'
/** Samples of the longest packet: 120 ms. */
const MAX_PACKET_SAMPLES = 5760
/** Packets decoded between two turns of the event loop. */
const PACKETS_PER_TURN = 200

/** The identification header. */
interface OpusHead {
  readonly channels: number
  /** Samples of the codec's delay at the start. */
  readonly preSkip: number
  /** Factor by which the header asks to multiply the output. */
  readonly gain: number
  readonly streams: number
  readonly coupled: number
  readonly mapping: readonly number[]
}

/** Whether the first packet of a stream identifies Opus. */
function isOpus(packet: Uint8Array): boolean {
  return String.fromCharCode(...packet.subarray(0, MAGIC.length)) === MAGIC
}

/**
 * Decodes an Ogg Opus file and mixes it down to one channel. The encoder's delay (pre-skip) and the padding after the
 * end are cut off to the sample, in each link of a chain.
 *
 * @param start index of the byte at which the first page begins
 * @throws DiffWaveError `BAD_AUDIO`, `TRUNCATED` (no samples), `TOO_LARGE`, `NOT_FINITE`, `UNSUPPORTED_FORMAT`
 */
export async function decodeOpus(
  bytes: Uint8Array,
  start: number,
  where: string,
  { maxSeconds }: DecodeOptions = {},
): Promise<Recording> {
  const reader = new OggReader(bytes.subarray(start), where)
  const mixer = new MonoMixer({ fileBytes: bytes.length, sampleRate: RATE, maxSeconds, where })
  let channels = 0
  for (const link of reader.links(isOpus)) {
    const head = readHead(link.head, where)
    channels = Math.max(channels, head.channels)
    await decodeLink(link, head, mixer, where)
  }
  if (mixer.length === 0) throw new DiffWaveError('TRUNCATED', 'the file ends before its first samples', { where })
  const samples = mixer.finish()
  checkSamples(samples, where)
  return { samples, sampleRate: RATE, format: 'Ogg Opus', channels, notes: reader.notes }
}

async function decodeLink(link: OggLink, head: OpusHead, mixer: MonoMixer, where: string): Promise<void> {
  const decoder = await createDecoder(head)
  try {
    const output = new OpusOutput(decoder, head, mixer, where)
    let packets = 0
    for (const { data, granule } of oggPackets(link)) {
      // The first two packets are the header and the tags.
      if (packets++ >= 2) output.packet(data, granule)
      if (packets % PACKETS_PER_TURN === 0) await setImmediate()
    }
    output.end()
  } finally {
    decoder.free()
  }
}

async function createDecoder({ channels, streams, coupled, mapping }: OpusHead): Promise<OpusDecoder> {
  const { OpusDecoder } = await import('opus-decoder')
  const decoder = new OpusDecoder({
    channels,
    streamCount: streams,
    coupledStreamCount: coupled,
    channelMappingTable: [...mapping],
  })
  await decoder.ready
  return decoder
}

function readHead(packet: Uint8Array, where: string): OpusHead {
  const bad = (problem: string) => new DiffWaveError('BAD_AUDIO', `the Opus header is malformed: ${problem}`, { where })
  if (packet.length < 19) throw bad('it is too short')
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  if (packet[8]! >= 16) throw bad(`version ${packet[8]}`)
  const channels = packet[9]!
  const family = packet[18]!
  const common = { channels, preSkip: view.getUint16(10, true), gain: 10 ** (view.getInt16(16, true) / (20 * 256)) }
  if (family === 0) {
    if (channels < 1 || channels > 2) throw bad(`${channels} channels`)
    return { ...common, streams: 1, coupled: channels - 1, mapping: channels === 2 ? [0, 1] : [0] }
  }
  if (family !== 1) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'unsupported Opus channel mapping', {
      expected: 'family 0 or 1',
      got: String(family),
      where,
    })
  }
  const streams = packet[19] ?? 0
  const coupled = packet[20] ?? 0
  const mapping = [...packet.subarray(21, 21 + channels)]
  const decoded = streams + coupled
  if (channels < 1 || channels > 8 || streams < 1 || coupled > streams || mapping.length !== channels) {
    throw bad('its channels do not fit its streams')
  }
  if (mapping.some(index => index !== 255 && index >= decoded)) throw bad('its channels do not fit its streams')
  return { ...common, streams, coupled, mapping }
}

/** Decodes one link of a chain into the mixer, packet by packet. */
class OpusOutput {
  readonly #decoder: OpusDecoder
  readonly #head: OpusHead
  readonly #mixer: MonoMixer
  readonly #where: string
  readonly #start: number
  /** Samples decoded so far, including the pre-skip. */
  #decoded = 0
  /** Granule position of the first decoded sample; null until a page states one. */
  #origin: number | null = null
  #lastGranule = 0

  constructor(decoder: OpusDecoder, head: OpusHead, mixer: MonoMixer, where: string) {
    this.#decoder = decoder
    this.#head = head
    this.#mixer = mixer
    this.#where = where
    this.#start = mixer.length
  }

  packet(data: Uint8Array, granule: number | null): void {
    const length = packetSamples(data)
    if (length === 0) throw this.#bad('a packet is malformed')
    const { channelData, samplesDecoded, errors } = this.#decode(data)
    if (errors.length > 0 || samplesDecoded !== length) throw this.#bad(errors[0]?.message ?? 'a packet is damaged')
    const { preSkip, gain } = this.#head
    if (gain !== 1) for (const channel of channelData) for (let i = 0; i < length; i++) channel[i]! *= gain
    const skipped = Math.max(0, Math.min(length, preSkip - this.#decoded))
    this.#mixer.add(channelData, skipped, length)
    this.#decoded += length
    if (granule === null) return
    // A recording cut from a stream starts at a later granule. One that ends on its first page starts at 0.
    this.#origin ??= Math.max(0, granule - this.#decoded)
    this.#lastGranule = granule
  }

  /** Ends the link: samples that the last page does not count are the encoder's padding. */
  end(): void {
    if (this.#origin === null) return
    const length = Math.max(0, this.#lastGranule - this.#origin - this.#head.preSkip)
    this.#mixer.trim(Math.min(this.#mixer.length, this.#start + length))
  }

  #decode(data: Uint8Array): ReturnType<OpusDecoder['decodeFrame']> {
    try {
      return this.#decoder.decodeFrame(data)
    } catch (cause) {
      throw this.#bad(cause instanceof Error ? cause.message : String(cause))
    }
  }

  #bad(problem: string): DiffWaveError {
    return new DiffWaveError('BAD_AUDIO', `the Opus file cannot be decoded: ${problem}`, { where: this.#where })
  }
}

/** The samples at 48 kHz that a packet declares (RFC 6716, section 3.1); 0 if it is malformed. */
function packetSamples(packet: Uint8Array): number {
  const [toc, second] = packet
  if (toc === undefined) return 0
  const config = toc >> 3
  const frame =
    config < 12
      ? [480, 960, 1920, 2880][config & 3]!
      : config < 16
        ? [480, 960][config & 1]!
        : [120, 240, 480, 960][config & 3]!
  const code = toc & 3
  const frames = code === 0 ? 1 : code < 3 ? 2 : (second ?? 0) & 63
  return frames * frame > MAX_PACKET_SAMPLES ? 0 : frames * frame
}
