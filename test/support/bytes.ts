/** Bytes of files that no writer would make. */

/** Encodes text with one byte per character. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** A `.npy` file, version 1, with any header. */
export function npy(header: string, data: Uint8Array): Uint8Array {
  const text = `${header.padEnd(117)}\n`
  return Uint8Array.from([0x93, ...ascii('NUMPY'), 1, 0, text.length & 255, text.length >> 8, ...ascii(text), ...data])
}

/** A safetensors file with any header. */
export function safetensors(header: string, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

/** The first bytes of a pickle of protocol 2, then those given. */
export function pickle(...bytes: number[]): Uint8Array {
  return Uint8Array.from([0x80, 2, ...bytes])
}

/** A file kept in a test as base64. */
export function base64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
