// Random numbers for one input, by mulberry32. Seed and index reproduce the input.

/** @param {number} seed @param {number} index */
export function randomOf(seed, index) {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    /** An integer, 0 … bound − 1. */
    below: bound => Math.floor(next() * bound),
    /** An item of a list. */
    of: list => list[Math.floor(next() * list.length)],
  }
}
