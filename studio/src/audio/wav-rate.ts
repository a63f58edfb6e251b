/** Rate of a WAV file in Hz, from its header (RIFF: bytes 24 to 27); 22,050 if it has none. */
export function wavRate(bytes: Uint8Array): number {
  return bytes.length < 28 ? 22_050 : new DataView(bytes.buffer, bytes.byteOffset, 28).getUint32(24, true)
}

/** Rates that every browser decodes at, in Hz. */
const [MIN_RATE, MAX_RATE] = [8000, 96_000]

/** Rate of a WAV file in Hz, if all browsers decode at it; `null` for other files, whose rate browsers do not tell. */
export function ownRate(bytes: Uint8Array): number | null {
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== 'RIFF') return null
  const rate = wavRate(bytes)
  return rate >= MIN_RATE && rate <= MAX_RATE ? rate : null
}
