/** Rate of a WAV file in Hz, from its header (RIFF: bytes 24 to 27); 22,050 if it has none. */
export function wavRate(bytes: Uint8Array): number {
  return bytes.length < 28 ? 22_050 : new DataView(bytes.buffer, bytes.byteOffset, 28).getUint32(24, true)
}
