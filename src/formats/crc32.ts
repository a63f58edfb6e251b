/**
 * CRC-32 of zip archives (PKWARE, APPNOTE.TXT, 4.4.7), and CRC-32C (Castagnoli) with its masked form in TFRecords
 * (tensorflow/core/lib/hash/crc32c.h). Both reflect their bits, unlike the CRC-32 of Ogg (src/audio/codecs/crc.ts).
 */

/** Returns the checksum of a polynomial, given with its bits in reverse order. */
function crcOf(polynomial: number): (bytes: Uint8Array) => number {
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    let crc = n
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
  return bytes => {
    let crc = 0xffffffff
    for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
    return ~crc >>> 0
  }
}

/** CRC-32 of some bytes. */
export const crc32 = crcOf(0xedb88320)

/** CRC-32C of some bytes. */
export const crc32c = crcOf(0x82f63b78)

/** CRC-32C as TFRecords store it. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
