import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { mixLatents } from '#src/repair/mix-latents'

const reader = (data: Float32Array) => (start: number, count: number) => data.subarray(start, start + count)

test('any mix has the noise of its level, and a mix of 1 is the second recording', () => {
  const silence = new Float32Array(20_000)
  const other = gaussian(4, 1, 0, 20_000)
  const fresh = gaussian(4, 0, 0, 20_000)
  for (const mix of [0, 0.3, 0.5, 1]) {
    const x = mixLatents(reader(silence), reader(silence), 0.4, mix, reader(other))(fresh, 0)
    const variance = x.reduce((sum, v) => sum + v * v, 0) / x.length
    assert.ok(Math.abs(variance / 0.6 - 1) < 0.05, `${mix}: ${variance}`)
  }
  const b = gaussian(4, 2, 0, 50)
  const x = mixLatents(reader(silence), reader(b), 0.4, 1, reader(other))(fresh.subarray(7, 57), 7)
  x.forEach((v, i) => {
    assert.ok(Math.abs(v - (Math.sqrt(0.4) * (b[7 + i] ?? 0) + Math.sqrt(0.6) * other[7 + i]!)) < 1e-6)
  })
})
