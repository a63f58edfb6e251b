/** Rate of a WAV file in Hz, from its header (RIFF: bytes 24 to 27); 22,050 if it has none. */
export function wavRate(bytes: Uint8Array): number {
  return bytes.length < 28 ? 22_050 : new DataView(bytes.buffer, bytes.byteOffset, 28).getUint32(24, true)
}

/** Rates that every browser decodes at, in Hz. */
const [MIN_RATE, MAX_RATE] = [8000, 96_000]

/**
 * Rate at which the page decodes a recording that keeps its rate, in Hz. This is a WAV file's own, if browsers decode
 * at it. They do not tell that of other files: 48,000, which loses nothing of what can be heard.
 */
export function decodingRate(bytes: Uint8Array): number {
  return keepsRate(bytes) ? wavRate(bytes) : 48_000
}

/** Whether a file is decoded at its own rate. */
export function keepsRate(bytes: Uint8Array): boolean {
  const rate = String.fromCharCode(...bytes.subarray(0, 4)) === 'RIFF' ? wavRate(bytes) : 0
  return rate >= MIN_RATE && rate <= MAX_RATE
}
