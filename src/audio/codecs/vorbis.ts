/**
 * Vorbis in Ogg (Vorbis I specification), and FLAC in Ogg; Vorbis is decoded by stb_vorbis, compiled to WASM
 * (`stb-vorbis`). It decodes a stream as a whole, so that each is checked against the limits by its pages first.
 */
import { DiffWaveError } from '../../core/errors.js'
import { MAX_AUDIO_SAMPLES, MAX_SAMPLES_PER_BYTE, MIN_DECODED_SAMPLES } from '../../core/limits.js'
import type { Recording } from '../audio.js'
import { checkSampleRate } from '../check-audio.js'
import { decodeFlac } from './flac.js'
import { MonoMixer } from './mono.js'
import { OGG_CUT, type OggLink, OggReader, oggPackets } from './ogg.js'

/** The identification header. */
interface VorbisHead {
  readonly channels: number
  readonly sampleRate: number
  /** Samples of the longest block; half of them are new. */
  readonly longBlock: number
}

/** As many as the specification orders, and what stb_vorbis is built for. */
const MAX_CHANNELS = 8
const starts = (packet: Uint8Array, text: string) => String.fromCharCode(...packet.subarray(0, text.length)) === text
const isVorbis = (packet: Uint8Array) => starts(packet, '\x01vorbis')
const isFlac = (packet: Uint8Array) => starts(packet, '\x7fFLAC')

/**
 * An Ogg file's audio (Vorbis or FLAC), mixed down to one channel.
 *
 * @param start byte at which the first page begins
 * @throws DiffWaveError `BAD_AUDIO`, `TRUNCATED` (no samples), `TOO_LARGE`, `UNSUPPORTED_FORMAT` (another codec)
 */
export async function decodeVorbis(bytes: Uint8Array, start: number, where: string): Promise<Recording> {
  const reader = new OggReader(bytes.subarray(start), where)
  const links = reader.links(packet => isVorbis(packet) || isFlac(packet))
  const [first] = links
  if (first === undefined) {
    if (reader.cut) throw new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'unsupported codec in an Ogg file', {
      expected: 'Vorbis, Opus or FLAC',
      where,
    })
  }
  if (isFlac(first.head)) return decodeOggFlac(first, reader.cut, where)
  const mixer = new MonoMixer(bytes.length, 0, where)
  const head = readHead(first.head, where)
  for (const link of links) {
    const { sampleRate, channels } = readHead(link.head, where)
    if (sampleRate !== head.sampleRate || channels !== head.channels) {
      throw bad('its streams differ in rate or channels', where)
    }
    await decodeLink(link, head, mixer, bytes.length, where)
  }
  if (mixer.length === 0) throw new DiffWaveError('TRUNCATED', 'the file ends before its first samples', { where })
  const { sampleRate, channels } = head
  const notes = reader.cut ? [OGG_CUT] : []
  return { samples: mixer.finish(), sampleRate, format: 'Ogg Vorbis', channels, notes }
}

async function decodeLink(
  link: OggLink,
  head: VorbisHead,
  mixer: MonoMixer,
  fileBytes: number,
  where: string,
): Promise<void> {
  // All channels are in memory at once, up to four times; no packet holds more than half a long block.
  const max = Math.min(MAX_AUDIO_SAMPLES, MIN_DECODED_SAMPLES / 4 + MAX_SAMPLES_PER_BYTE * fileBytes)
  const packets = [...oggPackets(link)].length
  const samples = ((packets * head.longBlock) / 2) * head.channels
  if (samples > max) {
    throw new DiffWaveError('TOO_LARGE', 'the recording decodes to too many samples', {
      expected: `at most ${max} of all channels`,
      got: String(samples),
      where,
      hint: 'Split it into shorter files.',
    })
  }
  const { StbVorbis } = await import('stb-vorbis')
  await StbVorbis.ready
  let channels: readonly Float32Array[]
  try {
    channels = StbVorbis.decode(joinedPages(link)).channels
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : String(cause), where)
  }
  const length = channels[0]!.length
  if (channels.some(channel => channel.some(sample => !Number.isFinite(sample))))
    throw bad('its samples are damaged', where)
  mixer.add(channels, 0, length)
}

function joinedPages({ pages }: OggLink): Uint8Array {
  const bytes = new Uint8Array(pages.reduce((sum, page) => sum + page.bytes.length, 0))
  let at = 0
  for (const page of pages) {
    bytes.set(page.bytes, at)
    at += page.bytes.length
  }
  return bytes
}

function readHead(packet: Uint8Array, where: string): VorbisHead {
  if (packet.length < 30) throw bad('its header is too short', where)
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const channels = packet[11]!
  const sampleRate = view.getUint32(12, true)
  const longBlock = 2 ** (packet[28]! >> 4)
  if (view.getUint32(7, true) !== 0 || channels < 1 || channels > MAX_CHANNELS)
    throw bad('its header is malformed', where)
  checkSampleRate(sampleRate, where)
  if (longBlock < 64 || longBlock > 8192) throw bad('its header is malformed', where)
  return { channels, sampleRate, longBlock }
}

/** FLAC in Ogg (RFC 9639, section 10.1): the packets are a FLAC file, behind nine bytes of the mapping's own. */
async function decodeOggFlac(link: OggLink, cut: boolean, where: string): Promise<Recording> {
  const packets = [...oggPackets(link)].map(({ data }, i) => (i === 0 ? data.subarray(9) : data))
  const flac = new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, 0))
  let at = 0
  for (const packet of packets) {
    flac.set(packet, at)
    at += packet.length
  }
  const recording = await decodeFlac(flac, 0, where)
  return { ...recording, format: `Ogg ${recording.format}`, notes: cut ? [OGG_CUT] : recording.notes }
}

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', `the Vorbis file cannot be decoded: ${problem}`, { where })
}
