/** Sounds and comparisons that the evaluation's tests share. */
import assert from 'node:assert/strict'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian, uniform } from '#src/core/random'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'

export function near(found: number, expected: number, within: number): void {
  assert.ok(Math.abs(found - expected) <= within, `${found}, ${expected} expected`)
}

/** Lists the integers from … from + count − 1. */
export const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

export const noise = (seed: number, length = 12_000, scale = 0.1) => gaussian(seed, 0, 0, length).map(x => x * scale)

/** Makes a simple voice at `COMPARED_RATE`: harmonics of `frequency(t)` Hz whose levels fall with frequency. */
export function voice(frequency: (seconds: number) => number, length = 22_050): Float32Array {
  const samples = new Float32Array(length)
  let phase = 0
  for (let i = 0; i < length; i++) {
    phase += (2 * Math.PI * frequency(i / COMPARED_RATE)) / COMPARED_RATE
    for (let harmonic = 1; harmonic <= 8; harmonic++) samples[i]! += (0.1 / harmonic) * Math.sin(harmonic * phase)
  }
  return samples
}

/** Sample rate of melodies, in Hz. */
export const MELODY_RATE = 8000

/** Makes a melody of decaying tones at random pitches, a quarter of a second each. Each seed gives another one. */
export function melody(seed: number, seconds = 1, lowest = 300): Float32Array {
  const samples = new Float32Array(seconds * MELODY_RATE)
  const length = MELODY_RATE / 4
  const notes = range(0, Math.ceil(samples.length / length))
  const frequencies = notes.map(note => lowest * 2 ** (Math.floor(12 * uniform(seed, 0, note)) / 12))
  for (let i = 0; i < samples.length; i++) {
    const frequency = frequencies[Math.floor(i / length)]!
    const t = (i % length) / MELODY_RATE
    samples[i] =
      0.4 * Math.exp(-9 * t) * (Math.sin(2 * Math.PI * frequency * t) + 0.4 * Math.sin(4 * Math.PI * frequency * t))
  }
  return samples
}

export const wav = (samples: Float32Array, sampleRate = COMPARED_RATE) => encodeWav({ samples, sampleRate })
