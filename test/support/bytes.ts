/** Makes the bytes of files that no writer would produce. */

/** Encodes text with one byte per character. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** Makes a `.npy` file of version 1 with any header. */
export function npy(header: string, data: Uint8Array): Uint8Array {
  const text = `${header.padEnd(117)}\n`
  return Uint8Array.from([0x93, ...ascii('NUMPY'), 1, 0, text.length & 255, text.length >> 8, ...ascii(text), ...data])
}

/** Makes a safetensors file with any header. */
export function safetensors(header: string, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

/** Makes a pickle of protocol 2: its first bytes, then the given ones. */
export function pickle(...bytes: number[]): Uint8Array {
  return Uint8Array.from([0x80, 2, ...bytes])
}

/** Decodes a file that a test contains as base64. */
export function base64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
