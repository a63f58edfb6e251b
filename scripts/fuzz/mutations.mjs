// Mutates the bytes of valid files, either blindly or so that the checks of the format still pass.

const sizes = [
  0,
  1,
  2,
  3,
  7,
  8,
  15,
  16,
  255,
  256,
  1000,
  4095,
  4096,
  65_535,
  65_536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  0x7ffff000,
  2 ** 32 - 2,
]
const words = [
  '0',
  '-1',
  '1e999',
  '4294967296',
  '9007199254740993',
  'null',
  'true',
  '""',
  '[]',
  '{}',
  'NaN',
  '1.5',
  '[[[[',
  '"\\u0000"',
]

/** Draws an offset. It is often in the first bytes, which hold the structure of a file. */
function offset(random, bytes) {
  const reach = random.next() < 0.6 ? Math.min(bytes.length, 256) : bytes.length
  return random.below(Math.max(1, reach))
}

const blind = [
  (bytes, random) => {
    const at = offset(random, bytes)
    if (at < bytes.length) bytes[at] ^= 1 << random.below(8)
    return bytes
  },
  (bytes, random) => {
    const at = offset(random, bytes)
    if (at < bytes.length) bytes[at] = random.of([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
    return bytes
  },
  (bytes, random) => {
    const width = random.of([2, 4, 8])
    const at = offset(random, bytes)
    if (at + width > bytes.length) return bytes
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const value = random.of(sizes)
    const little = random.next() < 0.7
    if (width === 2) view.setUint16(at, value, little)
    else if (width === 4) view.setUint32(at, value, little)
    else view.setBigUint64(at, random.next() < 0.2 ? 2n ** 64n - 1n : BigInt(value), little)
    return bytes
  },
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const from = offset(random, bytes)
    const length = random.of([1, 2, 4, 8, 16, random.below(200)])
    return join(bytes.subarray(0, from), bytes.subarray(from + length))
  },
  (bytes, random) => {
    const from = offset(random, bytes)
    const piece = bytes.slice(from, from + random.of([1, 4, 12, 30, random.below(400)]))
    const at = offset(random, bytes)
    const copies = random.of([1, 1, 2, 50])
    return join(bytes.subarray(0, at), ...Array.from({ length: copies }, () => piece), bytes.subarray(at))
  },
  (bytes, random, others) => {
    const other = random.of(others)
    return join(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)))
  },
]

/** Replaces a number, or some other word, of a text inside the bytes. */
function inText(bytes, random, from, to) {
  const text = Buffer.from(bytes.subarray(from, to)).toString('latin1')
  const found = [...text.matchAll(/-?\d+(\.\d+)?|"[^"]*"|true|false|null|True|False/g)]
  if (found.length === 0) return bytes
  const match = random.of(found)
  const word = random.next() < 0.5 ? String(random.of(sizes)) : random.of(words)
  const changed = text.slice(0, match.index) + word + text.slice(match.index + match[0].length)
  return join(bytes.subarray(0, from), Buffer.from(changed, 'latin1'), bytes.subarray(to))
}

/** Changes one word of a text, or its bytes. */
export function mutateText(bytes, random, others) {
  return random.next() < 0.6 ? inText(bytes, random, 0, bytes.length) : mutateBytes(bytes, random, others)
}

/** Makes one to four blind changes. */
export function mutateBytes(bytes, random, others) {
  let result = bytes.slice()
  for (let count = 1 + random.below(4); count > 0; count--) result = random.of(blind)(result, random, others)
  return result
}

/** Changes a text header that follows its length, and corrects the length. */
export function mutateHeader(start, width) {
  return (bytes, random, others) => {
    if (random.next() < 0.4) return mutateBytes(bytes, random, others)
    const read = view => (width === 8 ? Number(view.getBigUint64(start - 8, true)) : view.getUint16(start - 2, true))
    const end = start + read(new DataView(bytes.buffer, bytes.byteOffset))
    const result = inText(bytes.slice(), random, start, end).slice()
    const length = end - start + result.length - bytes.length
    const view = new DataView(result.buffer)
    if (width === 8) view.setBigUint64(start - 8, BigInt(length), true)
    else view.setUint16(start - 2, length, true)
    return random.next() < 0.3 ? mutateBytes(result, random, others) : result
  }
}

/** Changes one or more Ogg pages, and corrects the checksums. */
export function mutateOgg(crc32) {
  return (bytes, random, others) => {
    if (random.next() < 0.3) return mutateBytes(bytes, random, others)
    const result = bytes.slice()
    const pages = []
    for (let at = 0; at + 27 <= result.length && result[at] === 0x4f; ) {
      const lacing = result.subarray(at + 27, at + 27 + result[at + 26])
      const end = at + 27 + lacing.length + lacing.reduce((sum, size) => sum + size, 0)
      pages.push([at, Math.min(end, result.length)])
      at = end
    }
    for (let count = 1 + random.below(3); count > 0; count--) {
      const [at, end] = random.of(pages)
      const inside =
        random.next() < 0.4 ? at + 5 + random.below(Math.min(60, end - at - 5)) : at + 27 + random.below(end - at - 27)
      // The lacing values stay, since they define the page.
      if (inside >= at + 22 && inside < at + 27 + result[at + 26]) continue
      result[inside] = random.of([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
    }
    const view = new DataView(result.buffer)
    for (const [at, end] of pages) {
      view.setUint32(at + 22, 0, true)
      view.setUint32(at + 22, crc32(result, at, end), true)
    }
    // Pages are removed, doubled or exchanged.
    if (random.next() < 0.7) return result
    const list = pages.map(([at, end]) => result.subarray(at, end))
    const place = random.below(list.length)
    const how = random.below(3)
    if (how === 0) list.splice(place, 1)
    else if (how === 1) list.splice(place, 0, list[random.below(list.length)])
    else list.reverse()
    return join(...list)
  }
}

/** Changes the inside of a FLAC frame, and corrects its checksum. */
export function mutateFlac(crc16) {
  const frames = new Map()
  /** A frame begins at each sync code at which the checksum of the previous frame matches. */
  const framesOf = bytes => {
    if (frames.has(bytes)) return frames.get(bytes)
    const starts = []
    for (let at = 4; at + 1 < bytes.length; at++)
      if (bytes[at] === 0xff && (bytes[at + 1] & 0xfe) === 0xf8) starts.push(at)
    const found = []
    for (let i = 0; i < starts.length; ) {
      const ends = [...starts.slice(i + 1, i + 8), bytes.length]
      const end = ends.find(end => crc16(bytes, starts[i], end - 2) === bytes[end - 2] * 256 + bytes[end - 1])
      if (end === undefined) i++
      else {
        found.push([starts[i], end])
        while (i < starts.length && starts[i] < end) i++
      }
    }
    frames.set(bytes, found)
    return found
  }
  return (bytes, random, others) => {
    const found = framesOf(bytes)
    if (random.next() < 0.4 || found.length === 0) return mutateBytes(bytes, random, others)
    const result = bytes.slice()
    for (let count = 1 + random.below(3); count > 0; count--) {
      const [start, end] = random.of(found)
      const at = start + 7 + random.below(Math.min(random.of([8, 40, 4000]), end - start - 9))
      result[at] = random.of([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
      const crc = crc16(result, start, end - 2)
      result[end - 2] = crc >> 8
      result[end - 1] = crc & 255
    }
    return result
  }
}

/** @param {...Uint8Array} parts */
function join(...parts) {
  // The size is bounded, so that copies of copies stay small.
  return new Uint8Array(Buffer.concat(parts)).slice(0, 2_000_000)
}
