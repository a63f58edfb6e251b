/**
 * Inpainting: gaps of a recording filled so that both sides join, without retraining. The network runs only over the
 * stretch that it has to see around a gap, so the memory does not depend on the recording's length. What lies in a gap
 * is ignored.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { checkAudio, checkSamples } from '../audio/check-audio.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { sliceMel } from '../audio/mel/frames.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { MAX_GAPS, MAX_ROUNDS } from '../core/limits.js'
import { check, type FieldsOf } from '../core/options.js'
import { gaussian } from '../core/random.js'
import { drawSeed } from '../core/seed.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { createSampler } from '../diffusion/samplers/create.js'
import { resampled } from '../diffusion/samplers/resampled.js'
import { audioHop } from '../model/config.js'
import { melContext, positionSamples, receptiveRadius } from '../model/network.js'
import { labelField, type WholeClipOptions, wholeClipFields } from '../synthesis/options.js'
import { Synthesis } from '../synthesis/result.js'
import { watchSteps } from '../synthesis/watch.js'
import { bridgeMel } from './bridge-mel.js'
import { fill, type KnownAudio } from './fill.js'
import { gapsInSamples, type Region, repairRegions, shareOf } from './gaps.js'
import { joinGaps } from './join.js'

/** A gap in a recording. */
export interface Gap {
  /** Seconds from the start of the recording. */
  readonly start: number
  /** Seconds from the start of the recording, after `start`. */
  readonly end: number
}

/** Options of `inpaint`. */
export interface InpaintOptions extends WholeClipOptions {
  /** The lost stretches, in seconds from the recording's start: 1 to 10,000 gaps of at most 10 s. */
  readonly gaps: readonly Gap[]
  /**
   * Passes at each noise level (RePaint's resampling), 1 to 50, default 4: more join better, and each costs `steps`
   * passes more. On a Gaussian process whose right answer is known, 6 steps in 4 rounds come nearer to it than 20 in
   * one (test/repair).
   */
  readonly rounds?: number | undefined
  /**
   * Seconds on either side of a gap over which the recording fades into generated audio, 0 to 0.1, default 0.002. 0
   * leaves every known sample as it is.
   */
  readonly fade?: number | undefined
  /** The voice or class, for models that have labels. Default: null, none. */
  readonly label?: string | null | undefined
}

const inpaintSchema = z.strictObject({
  ...wholeClipFields,
  gaps: z
    .array(z.strictObject({ start: z.number(), end: z.number() }))
    .min(1)
    .max(MAX_GAPS),
  rounds: z.number().int().min(1).max(MAX_ROUNDS).default(4),
  fade: z.number().min(0).max(0.1).default(0.002),
  label: labelField.default(null),
} satisfies FieldsOf<InpaintOptions>)

/**
 * The recording with its gaps filled. A vocoder follows the recording's mel, interpolated over the gaps; a generator
 * follows the sound around them alone.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `SAMPLE_RATE_MISMATCH`, `BAD_AUDIO`, `NOT_FINITE`,
 * `UNKNOWN_LABEL`, `ABORTED`
 */
export async function inpaint(model: Denoiser, audio: Audio, options: InpaintOptions): Promise<Synthesis> {
  const checked = check(inpaintSchema, options, 'inpaint options')
  const { gaps: lost, rounds, fade, label, seed = drawSeed(), signal, onProgress, onStep, ...choice } = checked
  const { config, domain } = model
  const { sampleRate, diffusion } = config
  checkAudio(audio, 'the recording')
  if (audio.sampleRate !== sampleRate) {
    throw new DiffWaveError('SAMPLE_RATE_MISMATCH', 'the recording and the model differ in sample rate', {
      expected: `${sampleRate} Hz`,
      got: `${audio.sampleRate} Hz`,
      hint: 'Resample the recording first: the audio around a gap must stay as it is.',
    })
  }
  const samples = audio.samples.slice()
  const gaps = gapsInSamples(lost, sampleRate, samples.length)
  for (const { start, end } of gaps) samples.fill(0, start, end)
  checkSamples(samples, 'the recording')
  const sampler = resampled(createSampler(diffusion, choice), rounds)
  const labelIndex = model.labelIndex(label)
  const fadeSamples = Math.round(fade * sampleRate)
  const regions = repairRegions(gaps, samples.length, reachOf(model) + fadeSamples, audioHop(config))
  const passes = sampler.steps.length
  const total = regions.reduce((sum, { start, end }) => sum + (end - start), 0) * passes
  let done = 0
  for (const [clip, region] of regions.entries()) {
    const length = region.end - region.start
    const mel = config.mel === null ? null : regionMel(samples, region, config.mel)
    const watched = { domain, sampler, mel, length, clip, start: region.start }
    const made = await fill({
      sampler,
      prediction: diffusion.prediction,
      domain,
      mel,
      known: knownOf(samples, region, Math.round(domain.taper * sampleRate)),
      noise: draw => gaussian(seed, draw, region.start, length),
      predict: async (pass, x) => {
        const output = await predictRegion(model, { x, step: sampler.steps[pass]!, mel, label: labelIndex, signal })
        throwIfAborted(signal)
        done += length
        onProgress?.({ done, total })
        return output
      },
      onStep: onStep && watchSteps(onStep, watched),
    })
    // Never refined, whatever the model's default: a refinement moves every sample, and the known ones must stay.
    joinGaps(samples, made, region.start, region.gaps, fadeSamples)
  }
  return new Synthesis({ samples, sampleRate, seed, steps: passes })
}

interface RegionInput {
  readonly x: Float32Array
  readonly step: number
  readonly mel: Mel | null
  readonly label: number | null
  readonly signal: AbortSignal | undefined
}

/** The network's output for one region. */
async function predictRegion(
  { engine }: Denoiser,
  { x, step, mel, label, signal }: RegionInput,
): Promise<Float32Array> {
  const [output] = await engine.predict({
    audio: [x],
    steps: [step],
    ...(mel === null ? {} : { mel: [mel] }),
    ...(label === null ? {} : { labels: [label] }),
    ...(signal === undefined ? {} : { signal }),
  })
  return output!
}

/** Samples on either side of a gap that its filling can depend on. */
function reachOf({ config: { network, mel }, domain }: Denoiser): number {
  const corrected = (network.frontEnd?.correction?.passes ?? 0) * (mel?.fftSize ?? 0)
  const radius = receptiveRadius(network) * positionSamples(network) + corrected
  if (mel === null || network.mel === null) return Math.max(radius, domain.reach)
  const frames = (melContext(network.mel) + 1) * mel.hop
  // And a frame of the mel that no gap touches, on each side.
  return Math.max(radius + frames, mel.windowLength + mel.hop, domain.reach)
}

/**
 * The known audio of a region: not the gaps, nor what lies past the recording's end; weights rise over `taper` samples
 * away from a gap.
 */
function knownOf(samples: Float32Array, region: Region, taper: number): KnownAudio {
  const length = region.end - region.start
  const known = new Float32Array(length)
  known.set(samples.subarray(region.start, region.end))
  const weight = new Float32Array(length).fill(1, 0, Math.min(length, samples.length - region.start))
  for (const gap of region.gaps) {
    const end = Math.min(region.end, gap.end + taper)
    for (let sample = Math.max(region.start, gap.start - taper); sample < end; sample++) {
      weight[sample - region.start]! *= 1 - shareOf(gap, sample, taper)
    }
  }
  return { samples: known, weight }
}

/**
 * The mel of a region's frames, bridged over its gaps.
 *
 * @throws DiffWaveError `BAD_AUDIO` if the gaps touch every frame
 */
function regionMel(samples: Float32Array, region: Region, convention: MelConvention): Mel {
  const { hop, fftSize, sampleRate } = convention
  // The frames of a region are those of the whole recording: computed with enough of it on both sides.
  const margin = Math.ceil(fftSize / hop) * hop
  const from = Math.max(0, region.start - margin)
  const around = samples.subarray(from, Math.min(samples.length, region.end + margin))
  const whole = melSpectrogram({ samples: around, sampleRate }, convention)
  const gaps = region.gaps.map(({ start, end }) => ({ start: start - from, end: end - from }))
  const bridged = bridgeMel(whole, convention, gaps)
  if (bridged === null) {
    throw new DiffWaveError('BAD_AUDIO', 'the gap touches every frame of the mel', {
      expected: `at least ${convention.windowLength} samples on one side of it`,
    })
  }
  const first = (region.start - from) / hop
  return sliceMel(bridged, first, first + (region.end - region.start) / hop)
}
