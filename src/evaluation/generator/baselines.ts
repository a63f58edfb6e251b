/**
 * Baselines that a generator must beat: noise with the average spectrum of the data, and the data in shuffled pieces.
 */
import { FrameTransform, windowSquares } from '../../audio/transforms/stft.js'
import { gaussian, permutation } from '../../core/random.js'
import { draws } from '../../core/random-streams.js'
import { mapInTurns } from './in-turns.js'

const SIZE = 1024
const shape = { fftSize: SIZE, windowLength: SIZE, hop: SIZE / 4 }
/** Length of a piece in seconds. */
const PIECE = 0.05
/** Length of the fades of a piece in seconds. Without them the edges would click. */
const FADE = 0.002

/**
 * Makes one clip of Gaussian noise for each clip, of the same length and energy, with the mean power spectrum of all
 * clips.
 *
 * @throws DiffWaveError `ABORTED`
 */
export async function averageSpectrumNoise(
  clips: readonly Float32Array[],
  seed: number,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const transform = new FrameTransform(shape)
  const power = new Float64Array(transform.bins)
  let frames = 0
  const measure = (clip: Float32Array) => {
    const audio = atLeastAFrame(clip)
    for (let start = 0; start + SIZE <= audio.length; start += SIZE / 2, frames++) {
      const bins = transform.forward(audio, start)
      for (let bin = 0; bin < power.length; bin++) power[bin]! += bins[2 * bin]! ** 2 + bins[2 * bin + 1]! ** 2
    }
  }
  await mapInTurns(clips, measure, signal)
  const response = power.map(sum => Math.sqrt(sum / frames))
  const noiseLike = (clip: Float32Array, i: number) =>
    atLevel(filtered(gaussian(seed + i, draws.baselineNoise, 0, clip.length), response, transform), clip)
  return mapInTurns(clips, noiseLike, signal)
}

/** The clip, between zeros if it is shorter than a frame. */
function atLeastAFrame(clip: Float32Array): Float32Array {
  if (clip.length >= SIZE) return clip
  const frame = new Float32Array(SIZE)
  frame.set(clip, Math.floor((SIZE - clip.length) / 2))
  return frame
}

function filtered(noise: Float32Array, response: Float64Array, transform: FrameTransform): Float32Array {
  const count = Math.ceil((noise.length + SIZE) / shape.hop)
  const padded = new Float32Array((count - 1) * shape.hop + SIZE)
  padded.set(noise, SIZE / 2)
  const out = new Float64Array(padded.length)
  const spectrum = new Float64Array(2 * transform.bins)
  for (let frame = 0; frame < count; frame++) {
    const bins = transform.forward(padded, frame * shape.hop)
    for (let i = 0; i < spectrum.length; i++) spectrum[i] = bins[i]! * response[i >> 1]!
    transform.inverseAdd(spectrum, out, frame * shape.hop)
  }
  const squares = windowSquares(shape, count)
  return noise.map((_, i) => out[i + SIZE / 2]! / squares[i + SIZE / 2]!)
}

function energy(samples: Float32Array): number {
  return samples.reduce((sum, x) => sum + x * x, 0)
}

function atLevel(samples: Float32Array, like: Float32Array): Float32Array {
  const own = energy(samples)
  const gain = own > 0 ? Math.sqrt(energy(like) / own) : 0
  return samples.map(x => x * gain)
}

/** Cuts each clip into pieces of 50 ms and puts them in a random order. */
export function shuffledPieces(clips: readonly Float32Array[], sampleRate: number, seed: number): Float32Array[] {
  const length = Math.round(PIECE * sampleRate)
  const fade = Math.round(FADE * sampleRate)
  return clips.map((clip, c) => {
    const pieces = Math.floor(clip.length / length)
    const out = clip.slice()
    for (const [i, from] of permutation(seed + c, draws.baselineOrder, pieces).entries()) {
      for (let n = 0; n < length; n++) {
        const edge = Math.min(1, (n + 1) / fade, (length - n) / fade)
        out[i * length + n] = edge * clip[from * length + n]!
      }
    }
    return out
  })
}
