/**
 * Vorbis in Ogg (Vorbis I specification), and FLAC in Ogg. This is own code, because the free decoders on npm are C
 * libraries with two faults: a setup header of a few bytes makes them allocate gigabytes, and a header that they do
 * not check overwrites memory that the next file uses. Here every size is checked before memory is allocated, and a
 * packet is mixed down as it is decoded.
 */
import { setImmediate } from 'node:timers/promises'
import { DiffWaveError } from '../../core/errors.js'
import { allFinite } from '../../core/tensor.js'
import type { Recording } from '../audio.js'
import { checkSampleRate } from '../check-audio.js'
import { EndOfBits } from './bit-reader.js'
import { CONVERT_HINT } from './convert-hint.js'
import { decodeFlac } from './flac.js'
import { type DecodeOptions, MonoMixer } from './mono.js'
import { type OggLink, type OggPacket, OggReader, oggPackets } from './ogg.js'
import { VorbisBlocks } from './vorbis-blocks.js'
import { type CodebookBudget, codebookBudget, VorbisFault } from './vorbis-codebook.js'
import { isVorbis, readVorbisHead, readVorbisSetup, type VorbisHead } from './vorbis-setup.js'

/** Packets decoded between two turns of the event loop. */
const PACKETS_PER_TURN = 100
/** Number of packets before the audio: identification, comments and setup. */
const HEADERS = 3
/** Number of bytes before the FLAC file in the first packet of FLAC in Ogg. */
const MAPPING_BYTES = 9
const isFlac = (packet: Uint8Array) => String.fromCharCode(...packet.subarray(0, 5)) === '\x7fFLAC'

/**
 * Decodes an Ogg file (Vorbis or FLAC) and mixes it down to one channel.
 *
 * @param start index of the byte at which the first page begins
 * @throws DiffWaveError `BAD_AUDIO`, `TRUNCATED` (no samples), `TOO_LARGE`, `UNSUPPORTED_FORMAT` (another codec)
 */
export async function decodeVorbis(
  bytes: Uint8Array,
  start: number,
  where: string,
  options: DecodeOptions = {},
): Promise<Recording> {
  const reader = new OggReader(bytes.subarray(start), where)
  const links = reader.links(packet => isVorbis(packet) || isFlac(packet))
  const [first] = links
  if (first === undefined) {
    if (reader.cut) throw new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'unsupported codec in an Ogg file', {
      expected: 'Vorbis, Opus or FLAC',
      where,
      hint: CONVERT_HINT,
    })
  }
  if (isFlac(first.head)) {
    const others = links.length === 1 ? [] : ['Only the first of the streams that follow one another is read.']
    return decodeOggFlac(first, [...others, ...reader.notes], where, options)
  }
  try {
    const head = readVorbisHead(first.head)
    checkSampleRate(head.sampleRate, where)
    const mixer = new MonoMixer({ fileBytes: bytes.length, sampleRate: head.sampleRate, where, ...options })
    const budget = codebookBudget(bytes.length)
    for (const link of links) {
      const { sampleRate, channels, blocks } = readVorbisHead(link.head)
      if (sampleRate !== head.sampleRate || channels !== head.channels) {
        throw new VorbisFault('its streams differ in rate or channels')
      }
      await decodeLink(link, { sampleRate, channels, blocks }, budget, mixer)
    }
    if (mixer.length === 0) throw new DiffWaveError('TRUNCATED', 'the file ends before its first samples', { where })
    const { sampleRate, channels } = head
    return { samples: mixer.finish(), sampleRate, format: 'Ogg Vorbis', channels, notes: reader.notes }
  } catch (error) {
    if (error instanceof VorbisFault) throw bad(error.message, where, error)
    if (error instanceof EndOfBits) throw bad('its setup header is cut short', where, error)
    throw error
  }
}

/** Yields the packets after the headers. */
function* afterHeaders(link: OggLink): Generator<OggPacket, void, undefined> {
  let before = 0
  for (const packet of oggPackets(link)) if (before++ >= HEADERS) yield packet
}

/** Decodes one link of a chain into the mixer, packet by packet. */
async function decodeLink(link: OggLink, head: VorbisHead, budget: CodebookBudget, mixer: MonoMixer): Promise<void> {
  const packets = oggPackets(link)
  // The second packet holds comments, which are not read.
  packets.next()
  packets.next()
  const setup = packets.next().value
  if (setup === undefined) return
  const blocks = new VorbisBlocks(head, readVorbisSetup(setup.data, head.channels, budget))
  const { skipped, length } = extentOf(afterHeaders(link), blocks)
  const start = mixer.length
  let decoded = 0
  let turn = 0
  for (const { data } of afterHeaders(link)) {
    if (turn++ % PACKETS_PER_TURN === 0) await setImmediate()
    if (blocks.lengthOf(data) === 0) continue
    const samples = blocks.decode(data)
    if (!allFinite(samples)) throw new VorbisFault('its samples are damaged')
    mixer.add([samples], Math.max(0, Math.min(samples.length, skipped - decoded)), samples.length)
    decoded += samples.length
  }
  mixer.trim(Math.min(mixer.length, start + length))
}

/**
 * The number of samples to skip at the start of a stream, and the number to keep, from its granule positions. If the
 * first page counts fewer samples than it holds, the start is skipped. The last page cuts off the end. A stream that
 * was cut from a longer one starts at a later position.
 */
function extentOf(packets: Iterable<OggPacket>, blocks: VorbisBlocks) {
  let [decoded, before] = [0, 0]
  let [skipped, origin]: [number, number | null] = [0, null]
  let end = 0
  /** Samples that the first page skips, unless it is also the last page. */
  let excess: number | null = null
  for (const { data, granule } of packets) {
    const block = blocks.lengthOf(data)
    if (block === 0) continue
    if (excess !== null) [skipped, excess] = [excess, null]
    if (before > 0) decoded += (before + block) / 4
    before = block
    if (granule === null) continue
    if (origin === null) {
      excess = Math.max(0, decoded - granule)
      origin = Math.max(0, granule - decoded)
    }
    end = granule
  }
  return { skipped, length: origin === null ? Number.POSITIVE_INFINITY : Math.max(0, end - origin) }
}

/** FLAC in Ogg (RFC 9639, section 10.1): the packets form a FLAC file after the bytes of the mapping. */
async function decodeOggFlac(
  link: OggLink,
  notes: readonly string[],
  where: string,
  options: DecodeOptions,
): Promise<Recording> {
  const flac = new Uint8Array(link.bytes.length)
  let [at, ofMapping] = [0, MAPPING_BYTES]
  for (const { data } of oggPackets(link)) {
    const packet = data.subarray(ofMapping)
    flac.set(packet, at)
    at += packet.length
    ofMapping = 0
  }
  const recording = await decodeFlac(flac.subarray(0, at), 0, where, options)
  return { ...recording, format: `Ogg ${recording.format}`, notes: notes.length > 0 ? notes : recording.notes }
}

function bad(problem: string, where: string, cause: unknown): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', `the Vorbis file cannot be decoded: ${problem}`, { where, cause })
}
