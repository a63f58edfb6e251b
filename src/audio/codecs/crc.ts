/**
 * The checksums of audio containers: FLAC's CRC-8 and CRC-16 (RFC 9639), and Ogg's CRC-32 (RFC 3533). None of them
 * reflects its bits.
 */

function table(bits: number, polynomial: number): Uint32Array {
  const top = 2 ** (bits - 1)
  const mask = 2 ** bits - 1
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = (byte << (bits - 8)) >>> 0
    for (let i = 0; i < 8; i++) value = (((value << 1) ^ (value & top ? polynomial : 0)) & mask) >>> 0
    return value
  })
}

const table8 = table(8, 0x07)
const table16 = table(16, 0x8005)
const table32 = table(32, 0x04c11db7)

/** CRC-8 of bytes `start` … `end` − 1. */
export function crc8(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0
  for (let i = start; i < end; i++) crc = table8[crc ^ bytes[i]!]!
  return crc
}

/** CRC-16 of bytes `start` … `end` − 1. */
export function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ table16[(crc >> 8) ^ bytes[i]!]!
  return crc
}

/** CRC-32 of bytes `start` … `end` − 1, continued from `crc`. */
export function crc32(bytes: Uint8Array, start: number, end: number, crc = 0): number {
  let value = crc
  for (let i = start; i < end; i++) value = ((value << 8) ^ table32[(value >>> 24) ^ bytes[i]!]!) >>> 0
  return value
}
