/**
 * Griffin-Lim: the baseline vocoder that needs no model. Phases are sought that make the mel's magnitudes a consistent
 * spectrogram (Griffin & Lim 1984), with the momentum of Perraudin, Balazs & Søndergaard 2013 (algorithm 2). Started
 * from audio it refines that audio's phases, and leaves what the mel tells nothing of, as above its highest frequency,
 * to the audio: of `PhaseRefinement`, which does it piece by piece, this is the whole-clip form.
 */
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { throwIfAborted } from '../../core/errors.js'
import { abortSignal, check, onProgress, seed } from '../../core/options.js'
import { uniform } from '../../core/random.js'
import type { Audio } from '../audio.js'
import { FrameTransform, framePadding, windowSquares } from '../transforms/stft.js'
import { BandGains } from './band-gains.js'
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { melToMagnitudes } from './inverse.js'
import { checkMelFor } from './mel.js'

const optionsSchema = z.strictObject({
  iterations: z.number().int().min(1).max(10_000).default(60),
  momentum: z.number().min(0).lt(1).default(0.99),
  /**
   * Audio to start from, from the mel's first sample on; zeros past its end. Then magnitudes are the audio's own, with
   * the mel's energy in each band (phase-refinement.ts). Where not given: random phases, and magnitudes spread over a
   * band's bins.
   */
  start: z.custom<Float32Array>(value => value instanceof Float32Array, 'expected a Float32Array').optional(),
  /** Of random first phases. */
  seed: seed.default(0),
  /** Samples to give; default: frames × hop. */
  length: z.number().int().positive().optional(),
  signal: abortSignal.optional(),
  /** Iterations done. */
  onProgress: onProgress.optional(),
})

export type GriffinLimOptions = Readonly<z.input<typeof optionsSchema>>

/** Frames of work between two turns of the event loop. */
const FRAMES_A_TURN = 500
const TINY = 1e-12

/**
 * Audio whose mel is near the given one.
 *
 * @param mel `[bands × frames]` in the convention's numbers
 * @throws DiffWaveError `BAD_OPTION`, `BAD_MEL`, `MEL_RANGE`, `NOT_FINITE`, `ABORTED`
 */
export async function griffinLim(mel: Mel, convention: MelConvention, options: GriffinLimOptions = {}): Promise<Audio> {
  const checked = check(optionsSchema, options, 'griffinLim options')
  const { iterations, momentum, start, seed, signal, onProgress: report, length } = checked
  checkMelFor(mel, convention, 'griffinLim')
  const { hop } = convention
  const { frames } = mel
  const bands = new MelBands(convention)
  const gains = new BandGains(bands)
  const targets = new Float32Array(mel.bands)
  const transform = new FrameTransform(convention)
  const { bins } = transform
  const isTold = (bin: number) => bands.columnSums[bin]! > 0
  /** Started from audio, each iteration tells them anew; 1 where `angles` will hold the audio's own spectrum. */
  const magnitudes = start === undefined ? melToMagnitudes(mel, convention) : new Float32Array(frames * bins).fill(1)
  const squares = windowSquares(convention, frames)
  const samples = new Float64Array(squares.length)
  const padding = framePadding(convention)
  const wanted = length ?? frames * hop

  /**
   * Angles by their cosine and sine, frame-major: `[frames × bins × 2]`; `previous` is the last consistent spectrum.
   */
  const angles = new Float32Array(frames * bins * 2)
  const previous = new Float32Array(frames * bins * 2)
  const spectrum = new Float64Array(2 * bins)
  const synthesise = async () => {
    samples.fill(0)
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0; bin < bins; bin++) {
        const magnitude = magnitudes[frame * bins + bin]!
        spectrum[2 * bin] = magnitude * angles[2 * (frame * bins + bin)]!
        spectrum[2 * bin + 1] = magnitude * angles[2 * (frame * bins + bin) + 1]!
      }
      transform.inverseAdd(spectrum, samples, frame * hop)
      if (frame % FRAMES_A_TURN === FRAMES_A_TURN - 1) await setImmediate()
    }
    for (let i = 0; i < samples.length; i++) samples[i]! /= Math.max(squares[i]!, TINY)
  }
  if (start !== undefined) {
    samples.set(start.subarray(0, frames * hop), padding)
  } else {
    for (let i = 0; i < frames * bins; i++) {
      const phase = 2 * Math.PI * uniform(seed, 0, i)
      angles[2 * i] = Math.cos(phase)
      angles[2 * i + 1] = Math.sin(phase)
    }
    await synthesise()
  }
  for (let iteration = 0; iteration < iterations; iteration++) {
    throwIfAborted(signal)
    for (let frame = 0; frame < frames; frame++) {
      const consistent = transform.forward(samples, frame * hop)
      if (start !== undefined) {
        bands.targets(mel, frame, targets, 0)
        gains.magnitudes(consistent, targets, 0, magnitudes, frame * bins)
      }
      for (let bin = 0; bin < bins; bin++) {
        const at = 2 * (frame * bins + bin)
        if (start !== undefined && !isTold(bin)) {
          angles[at] = consistent[2 * bin]!
          angles[at + 1] = consistent[2 * bin + 1]!
          continue
        }
        const real = consistent[2 * bin]! + momentum * (consistent[2 * bin]! - previous[at]!)
        const imaginary = consistent[2 * bin + 1]! + momentum * (consistent[2 * bin + 1]! - previous[at + 1]!)
        previous[at] = consistent[2 * bin]!
        previous[at + 1] = consistent[2 * bin + 1]!
        const norm = Math.sqrt(real * real + imaginary * imaginary) + TINY
        angles[at] = real / norm
        angles[at + 1] = imaginary / norm
      }
      if (frame % FRAMES_A_TURN === FRAMES_A_TURN - 1) await setImmediate()
    }
    await synthesise()
    report?.({ done: iteration + 1, total: iterations })
  }
  throwIfAborted(signal)
  const result = new Float32Array(wanted)
  result.set(Float32Array.from(samples.subarray(padding, padding + wanted)))
  return { samples: result, sampleRate: convention.sampleRate }
}
