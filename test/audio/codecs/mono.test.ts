/** Mixing down to one channel, piece by piece. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MonoMixer } from '#src/audio/codecs/mono'

test('what is added and trimmed in any order is the mean of the channels, in order', () => {
  const piece = fc.record({ channels: fc.integer({ min: 1, max: 3 }), start: fc.nat(3), count: fc.nat(9) })
  const step = fc.oneof(piece, fc.record({ keep: fc.double({ min: 0, max: 1, noNaN: true }) }))
  fc.assert(
    fc.property(fc.nat(12), fc.array(step, { maxLength: 8 }), (expected, steps) => {
      // Behind the expected samples, a second block begins.
      const mixer = new MonoMixer({ fileBytes: 100, sampleRate: 8000, expected, where: 'a.wav' })
      let mixed: number[] = []
      for (const [n, step] of steps.entries()) {
        if ('keep' in step) {
          const length = Math.floor(step.keep * mixed.length)
          mixer.trim(length)
          mixed = mixed.slice(0, length)
          continue
        }
        const { channels, start, count } = step
        const value = (channel: number, i: number) => 64 * n + 4 * i + channel
        const audio = Array.from({ length: channels }, (_, channel) =>
          Float32Array.from({ length: start + count + 1 }, (_, i) => value(channel, i)),
        )
        mixer.add(audio, start, start + count)
        for (let i = start; i < start + count; i++) mixed.push(value((channels - 1) / 2, i))
        assert.equal(mixer.length, mixed.length)
      }
      assert.deepEqual(mixer.finish(), Float32Array.from(mixed))
    }),
    { numRuns: 40 },
  )
})

test('samples beyond the time that is allowed are refused, at the end also those of the padding', () => {
  const options = { fileBytes: 100, sampleRate: 8000, maxSeconds: 1, where: 'a.wav' }
  const refused = { code: 'TOO_LARGE', expected: 'at most 1 s', where: 'a.wav' }
  assert.throws(() => new MonoMixer({ ...options, expected: 8001 }), refused)
  const mixer = new MonoMixer(options)
  // The longest block of Vorbis may still be trimmed.
  mixer.add([new Float32Array(8000 + 8192)], 0, 8000 + 8192)
  assert.throws(() => mixer.add([new Float32Array(1)], 0, 1), refused)
  assert.throws(() => mixer.finish(), refused)
  mixer.trim(8000)
  assert.equal(mixer.finish().length, 8000)
})

test('samples are counted even if they are trimmed again', () => {
  const mixer = new MonoMixer({ fileBytes: 100, sampleRate: 8000, maxSeconds: 1, where: 'a.wav' })
  const second = [new Float32Array(8000)]
  const pass = () => {
    mixer.add(second, 0, 8000)
    mixer.trim(0)
  }
  for (let i = 0; i < 4; i++) pass()
  assert.throws(pass, { code: 'TOO_LARGE' })
})
