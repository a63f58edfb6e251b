/** What a zip archive begins with. It is apart from zip.ts, so that readers of other formats need not load that. */

const SIGNATURE = [0x50, 0x4b, 3, 4]

/** Whether bytes start as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte)
}
