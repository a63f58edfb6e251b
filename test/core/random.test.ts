import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian, permutation, philox, uniform, uniformInteger, weightedIndex } from '#src/core/random'

// Known answers of Random123 1.14 (kat_vectors, philox4x32 10).
const knownAnswers: readonly [number[], number[], number[]][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
]

test('Philox returns the published test vectors', () => {
  for (const [counter, key, expected] of knownAnswers) {
    const words = Uint32Array.from(counter)
    philox(words, key[0]!, key[1]!)
    assert.deepEqual([...words], expected)
  }
})

test('Gaussian numbers depend only on seed, draw and index, not on how they are cut', () => {
  const whole = gaussian(7, 3, 0, 1000)
  for (const [start, count] of [
    [0, 1],
    [1, 2],
    [3, 500],
    [997, 3],
  ] as const) {
    assert.deepEqual(gaussian(7, 3, start, count), whole.slice(start, start + count))
  }
  assert.notDeepEqual(gaussian(8, 3, 0, 4), whole.slice(0, 4))
  assert.notDeepEqual(gaussian(7, 4, 0, 4), whole.slice(0, 4))
  assert.notDeepEqual(gaussian(7 + 2 ** 40, 3, 0, 4), whole.slice(0, 4))
})

test('Gaussian numbers are standard normal and uncorrelated', () => {
  const count = 200_000
  const values = gaussian(1, 0, 0, count)
  const other = gaussian(1, 1, 0, count)
  let [sum, squares, cubes, fourths, neighbours, across] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const x = values[i]!
    sum += x
    squares += x * x
    cubes += x ** 3
    fourths += x ** 4
    if (i > 0) neighbours += x * values[i - 1]!
    across += x * other[i]!
  }
  // Five standard errors of each moment.
  const bound = (variance: number) => 5 * Math.sqrt(variance / count)
  assert.ok(Math.abs(sum / count) < bound(1))
  assert.ok(Math.abs(squares / count - 1) < bound(2))
  assert.ok(Math.abs(cubes / count) < bound(15))
  assert.ok(Math.abs(fourths / count - 3) < bound(96))
  assert.ok(Math.abs(neighbours / count) < bound(1))
  assert.ok(Math.abs(across / count) < bound(1))
})

test('uniform numbers fill [0, 1) evenly', () => {
  const bins = new Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) bins[Math.floor(uniform(5, 0, i) * 10)]!++
  const chiSquare = bins.reduce((total, n) => total + (n - 1000) ** 2 / 1000, 0)
  assert.ok(chiSquare < 33.7, `χ² with 9 degrees of freedom is ${chiSquare}`) // p = 1e-4
})

test('Gaussian numbers follow the normal distribution function (Kolmogorov–Smirnov)', () => {
  const count = 100_000
  const sorted = gaussian(3, 9, 12_345, count).sort()
  let distance = 0
  for (let i = 0; i < count; i++) {
    const expected = normalDistribution(sorted[i]!)
    distance = Math.max(distance, Math.abs(expected - i / count), Math.abs(expected - (i + 1) / count))
  }
  assert.ok(distance * Math.sqrt(count) < 1.95, `distance ${distance}`) // p = 1e-3
})

test('a permutation holds every integer once, and all orders are equally likely', () => {
  assert.deepEqual(
    [...permutation(2, 5, 1000)].sort((a, b) => a - b),
    [...Array(1000).keys()],
  )
  assert.deepEqual(permutation(2, 5, 50), permutation(2, 5, 50))
  const orders = new Map<string, number>()
  for (let draw = 0; draw < 6000; draw++) {
    const order = permutation(2, draw, 3).join()
    orders.set(order, (orders.get(order) ?? 0) + 1)
  }
  assert.equal(orders.size, 6)
  const chiSquare = [...orders.values()].reduce((total, n) => total + (n - 1000) ** 2 / 1000, 0)
  assert.ok(chiSquare < 25.7, `χ² with 5 degrees of freedom is ${chiSquare}`) // p = 1e-4
})

test('uniform integers reach both ends of their range and never exceed it', () => {
  const seen = new Set<number>()
  for (let i = 0; i < 1000; i++) seen.add(uniformInteger(4, 0, i, 7))
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6])
})

/** Φ by Simpson's rule from 0, fine enough for the test above. */
function normalDistribution(x: number): number {
  const steps = 64
  const h = x / steps
  let sum = 0
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2
    sum += weight * Math.exp(-((i * h) ** 2) / 2)
  }
  return 0.5 + (sum * h) / 3 / Math.sqrt(2 * Math.PI)
}

test('weightedIndex draws in proportion to the weights, and never a weight of 0', () => {
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 4000; i++) counts[weightedIndex([0, 3, 0, 1], 5, 0, i)]!++
  assert.deepEqual([counts[0], counts[2]], [0, 0])
  assert.ok(Math.abs(counts[1]! - 3000) < 120, String(counts))
})
