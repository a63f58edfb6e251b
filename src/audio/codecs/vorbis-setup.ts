/** The headers of a Vorbis stream (Vorbis I specification, section 4.2), which define how its blocks are decoded. */
import { MAX_VORBIS_CHANNELS } from '../../core/limits.js'
import { bitLength, LowBitReader } from './low-bit-reader.js'
import { Codebook, type CodebookBudget, VorbisFault } from './vorbis-codebook.js'
import { Floor } from './vorbis-floor.js'
import { Residue } from './vorbis-residue.js'

/** The identification header. */
export interface VorbisHead {
  readonly channels: number
  readonly sampleRate: number
  /** Number of samples in a short and in a long block. */
  readonly blocks: readonly [short: number, long: number]
}

/** Indices of two channels that are coded as magnitude and angle. */
export interface Coupling {
  readonly magnitude: number
  readonly angle: number
}

/** The floor and residue that a group of channels shares. */
export interface Submap {
  readonly floor: Floor
  readonly residue: Residue
  readonly channels: readonly number[]
}

export interface Mapping {
  readonly couplings: readonly Coupling[]
  readonly submaps: readonly Submap[]
}

/** A mode, which defines how a block is coded. */
export interface Mode {
  readonly long: boolean
  readonly mapping: Mapping
}

const HEAD_BYTES = 30
const [IDENTIFICATION, SETUP] = [1, 5]

function isHeader(packet: Uint8Array, type: number): boolean {
  return packet[0] === type && String.fromCharCode(...packet.subarray(1, 7)) === 'vorbis'
}

/** Whether the first packet of a stream identifies Vorbis. */
export function isVorbis(packet: Uint8Array): boolean {
  return isHeader(packet, IDENTIFICATION)
}

/** Reads the identification header. @throws VorbisFault */
export function readVorbisHead(packet: Uint8Array): VorbisHead {
  if (packet.length < HEAD_BYTES) throw new VorbisFault('its header is too short')
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const channels = packet[11]!
  const blocks = [2 ** (packet[28]! & 15), 2 ** (packet[28]! >> 4)] as const
  const isWhole = view.getUint32(7, true) === 0 && channels >= 1 && channels <= MAX_VORBIS_CHANNELS
  if (!isWhole || blocks[0] < 64 || blocks[1] > 8192 || blocks[0] > blocks[1])
    throw new VorbisFault('its header is malformed')
  return { channels, sampleRate: view.getUint32(12, true), blocks }
}

/**
 * Reads the modes of a setup header.
 *
 * @param budget what its codebooks may declare, which is reduced by what they do
 * @throws VorbisFault, EndOfBits (the header is truncated)
 */
export function readVorbisSetup(packet: Uint8Array, channels: number, budget: CodebookBudget): readonly Mode[] {
  if (!isHeader(packet, SETUP)) throw new VorbisFault('its setup header is missing')
  const bits = new LowBitReader(packet.subarray(7))
  const list = <T>(count: number, read: () => T) => Array.from({ length: count }, read)
  const books = list(bits.read(8) + 1, () => new Codebook(bits, budget))
  // Time domain transforms are placeholders in Vorbis I.
  if (list(bits.read(6) + 1, () => bits.read(16)).some(value => value !== 0)) throw malformed()
  const floors = list(bits.read(6) + 1, () => new Floor(bits, books))
  const residues = list(bits.read(6) + 1, () => new Residue(bits, books))
  const mappings = list(bits.read(6) + 1, () => readMapping(bits, channels, floors, residues))
  const modes = list(bits.read(6) + 1, () => {
    const long = bits.read(1) === 1
    if (bits.read(16) !== 0 || bits.read(16) !== 0) throw malformed()
    const mapping = mappings[bits.read(8)]
    if (mapping === undefined) throw malformed()
    return { long, mapping }
  })
  if (bits.read(1) === 0) throw malformed()
  return modes
}

function readMapping(
  bits: LowBitReader,
  channels: number,
  floors: readonly Floor[],
  residues: readonly Residue[],
): Mapping {
  if (bits.read(16) !== 0) throw malformed()
  const submapCount = bits.read(1) === 1 ? bits.read(4) + 1 : 1
  const channelBits = bitLength(channels - 1)
  const couplings = Array.from({ length: bits.read(1) === 1 ? bits.read(8) + 1 : 0 }, () => {
    const [magnitude, angle] = [bits.read(channelBits), bits.read(channelBits)]
    if (magnitude === angle || magnitude >= channels || angle >= channels) throw malformed()
    return { magnitude, angle }
  })
  // No encoder couples a pair twice. Each coupling takes time in every block, even in one of two bytes.
  if (couplings.length > (channels * (channels - 1)) / 2) throw malformed()
  if (bits.read(2) !== 0) throw malformed()
  const submapOf = Array.from({ length: channels }, () => (submapCount > 1 ? bits.read(4) : 0))
  if (submapOf.some(submap => submap >= submapCount)) throw malformed()
  const submaps = Array.from({ length: submapCount }, (_, submap) => {
    bits.skip(8)
    const [floor, residue] = [floors[bits.read(8)], residues[bits.read(8)]]
    if (floor === undefined || residue === undefined) throw malformed()
    return { floor, residue, channels: [...submapOf.keys()].filter(channel => submapOf[channel] === submap) }
  })
  return { couplings, submaps }
}

function malformed(): VorbisFault {
  return new VorbisFault('its setup header is malformed')
}
