/** The parts of recordings that a vocoder is tuned on, and how far its copies are from them. */
import type { Audio } from '../audio/audio.js'
import { checkAudio } from '../audio/check-audio.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { MelFeed } from '../audio/mel/feed.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { resample } from '../audio/resample.js'
import { peakOf, sampleScaleDoubt } from '../audio/sample-scale.js'
import { DiffWaveError } from '../core/errors.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import type { Sampler } from '../diffusion/samplers/sampler.js'
import { logMelDistance } from '../evaluation/vocoder/log-mel-distance.js'
import { stftDistance } from '../evaluation/vocoder/stft-distance.js'
import { wholeClip } from '../synthesis/clip.js'

/** A part of a recording, at the convention's rate. */
interface Example {
  readonly samples: Float32Array
  readonly mel: Mel
  /** Seed of the noise from which its copies start. */
  readonly seed: number
}

/** The examples that the search uses, and those that decide whether its result is better. */
export interface Examples {
  readonly used: readonly Example[]
  readonly withheld: readonly Example[]
}

interface ExampleOptions {
  /** Length of the part that is taken from the middle of each recording, in seconds. */
  readonly seconds: number
  /** Seed of the first example. Example i has the seed plus i. */
  readonly seed: number
  readonly signal: AbortSignal | undefined
}

/**
 * Takes an example from each recording. Every second one is withheld from the search. A single one is both used and
 * withheld, with another seed.
 *
 * @param recordings at least one, taken as they are when the call begins
 * @throws DiffWaveError `BAD_AUDIO`, `NOT_FINITE`, `ABORTED`
 */
export async function examplesOf(
  recordings: readonly Audio[],
  convention: MelConvention,
  { seconds, seed, signal }: ExampleOptions,
): Promise<Examples> {
  // The caller may write to its arrays as soon as this waits.
  const copies = Array.from(recordings, copyAudio)
  const examples: Example[] = []
  for (const [i, audio] of copies.entries()) {
    refuseUnusable(audio, convention, `recording ${i}`)
    examples.push(await middleOf(audio, convention, { seconds, seed: seed + i, signal }))
  }
  const [used, withheld] = [0, 1].map(part => examples.filter((_, i) => i % 2 === part)) as [Example[], Example[]]
  return { used, withheld: examples.length === 1 ? used.map(one => ({ ...one, seed: one.seed + 1 })) : withheld }
}

/** @throws DiffWaveError `BAD_AUDIO` */
function copyAudio(audio: Audio): Audio {
  checkAudio(audio, 'a recording')
  return { samples: audio.samples.slice(), sampleRate: audio.sampleRate }
}

/**
 * Refuses a recording that cannot be tuned on.
 *
 * @param where names the recording in errors
 * @throws DiffWaveError `BAD_AUDIO` if it is shorter than the transform, or not on a scale of ±1
 */
export function refuseUnusable(
  { samples, sampleRate }: Audio,
  convention: Pick<MelConvention, 'fftSize' | 'sampleRate'>,
  where: string,
): void {
  const length = Math.ceil((samples.length * convention.sampleRate) / sampleRate)
  if (length < convention.fftSize) {
    throw new DiffWaveError('BAD_AUDIO', 'a recording is too short to tune on', {
      expected: `at least ${convention.fftSize} samples at ${convention.sampleRate} Hz`,
      got: String(length),
      where,
    })
  }
  const doubt = sampleScaleDoubt(peakOf(samples))
  if (doubt === null) return
  throw new DiffWaveError('BAD_AUDIO', 'the scale of a recording is wrong', {
    expected: 'samples from -1 to 1',
    got: doubt,
    where,
  })
}

async function middleOf(audio: Audio, convention: MelConvention, options: ExampleOptions): Promise<Example> {
  const { seconds, seed, signal } = options
  const { sampleRate } = convention
  const { samples: all } = await resample(audio, sampleRate, { signal })
  const length = Math.min(all.length, Math.round(seconds * sampleRate))
  const start = Math.floor((all.length - length) / 2)
  const samples = all.slice(start, start + length)
  return { samples, mel: melSpectrogram({ samples, sampleRate }, convention), seed }
}

/**
 * Computes the mean distance between examples and their copies: the log-mel distance in nepers plus the
 * multi-resolution STFT distance.
 *
 * @throws DiffWaveError `NOT_FINITE`, `ABORTED`
 */
export async function copyDistance(
  model: Denoiser,
  convention: MelConvention,
  sampler: Sampler,
  examples: readonly Example[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const logMel: MelConvention = { ...convention, logarithm: 'ln', floor: 1e-5, normalisation: null }
  const { sampleRate } = convention
  let sum = 0
  for (const { samples, mel, seed } of examples) {
    const made = await wholeClip(model, {
      sampler,
      seed,
      input: { mel: new MelFeed(mel, convention) },
      trim: samples.length,
      signal,
    })
    // A copy may be shorter than its original by part of a frame. They are compared up to the shorter length.
    const original = samples.subarray(0, made.samples.length)
    const [a, b] = [original, made.samples].map(audio => melSpectrogram({ samples: audio, sampleRate }, logMel))
    sum += logMelDistance(a!, b!) + stftDistance(original, made.samples, sampleRate)
  }
  return sum / examples.length
}
