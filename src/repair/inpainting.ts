/**
 * Inpainting: gaps of a recording filled so that both sides join, without retraining. Only what the network has to see around a
 * gap is run, so the memory does not depend on the recording's length. What lies in a gap is never looked at.
 */
import { z } from 'zod'
import type { Audio } from '../audio/codecs/wav.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { MAX_GAPS, MAX_ROUNDS } from '../core/limits.js'
import { check } from '../core/options.js'
import { gaussian } from '../core/random.js'
import { drawSeed } from '../core/seed.js'
import { dataDomain } from '../data-domain/data-domain.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { predictedNoise } from '../diffusion/prediction.js'
import { createSampler } from '../diffusion/samplers/create.js'
import { resampled } from '../diffusion/samplers/resampled.js'
import { audioHop, type ModelConfig } from '../model/config.js'
import { melContext, receptiveRadius } from '../model/network.js'
import { type Synthesis, samplingOptions } from '../synthesis/options.js'
import { bridgeMel } from './bridge-mel.js'
import { fill } from './fill.js'
import { type Gap, gapsInSamples, type Region, repairRegions, shareOf } from './gaps.js'
import { joinGaps } from './join.js'

const optionsSchema = z.strictObject({
  ...samplingOptions,
  /** What is lost, in seconds from the recording's start. */
  gaps: z
    .array(z.strictObject({ start: z.number(), end: z.number() }))
    .min(1)
    .max(MAX_GAPS),
  /** Passes at each noise level (RePaint's resampling): more join better, and each costs `steps` passes more. On a Gaussian
   * process whose right answer is known, 6 steps in 4 rounds come nearer to it than 20 in one (test/repair). */
  rounds: z.number().int().min(1).max(MAX_ROUNDS).default(4),
  /** Seconds on either side of a gap over which the recording fades into what was made. 0 leaves every known sample as it is. */
  fade: z.number().min(0).max(0.1).default(0.002),
  /** The voice or class, for models that have labels; null or not given: none. */
  label: z.string().nullable().default(null),
})

export type InpaintOptions = Readonly<z.input<typeof optionsSchema>>

/**
 * The recording with its gaps filled. A vocoder follows the recording's mel, interpolated over the gaps; a generator what it
 * knows of sound.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `SAMPLE_RATE_MISMATCH`, `BAD_AUDIO`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function inpaint(model: Denoiser, audio: Audio, options: InpaintOptions): Promise<Synthesis> {
  const checked = check(optionsSchema, options, 'inpaint options')
  const { gaps: lost, rounds, fade, label, seed = drawSeed(), signal, onProgress, ...choice } = checked
  const { sampleRate, mel: convention, diffusion } = model.config
  if (audio.sampleRate !== sampleRate) {
    throw new DiffWaveError('SAMPLE_RATE_MISMATCH', 'the recording has another rate than the model', {
      expected: `${sampleRate} Hz`,
      got: `${audio.sampleRate} Hz`,
      hint: 'Resample it first: what is around a gap is to stay as it is.',
    })
  }
  const samples = audio.samples.slice()
  const gaps = gapsInSamples(lost, sampleRate, samples.length)
  checkKnown(samples, gaps)
  const sampler = resampled(createSampler(diffusion, choice), rounds)
  const labelIndex = model.labelIndex(label)
  const fadeSamples = Math.round(fade * sampleRate)
  const hop = audioHop(model.config)
  const regions = repairRegions(gaps, samples.length, reachOf(model.config) + fadeSamples, hop)
  const passes = sampler.steps.length
  const total = regions.reduce((sum, { start, end }) => sum + (end - start), 0) * passes
  let done = 0
  for (const region of regions) {
    const length = region.end - region.start
    const mel = convention === null ? null : regionMel(samples, region, convention)
    const domain = dataDomain(mel === null || convention === null ? null : { mel, convention }, diffusion)
    const { known, weight } = knownOf(samples, region, Math.round(domain.taper * sampleRate))
    const made = await fill({
      sampler,
      domain,
      known,
      weight,
      noise: draw => gaussian(seed, draw, region.start, length),
      predict: async (pass, x) => {
        const [output] = await model.engine.predict({
          audio: [x],
          steps: [sampler.steps[pass]!],
          ...(mel === null ? {} : { mel: [mel] }),
          ...(labelIndex === null ? {} : { labels: [labelIndex] }),
          ...(signal === undefined ? {} : { signal }),
        })
        throwIfAborted(signal)
        done += length
        onProgress?.({ done, total })
        return predictedNoise(diffusion.prediction, output!, x, sampler.alphaBars[pass]!)
      },
    })
    // Never refined, whatever the model's default: a refinement moves every sample, and the known ones must stay.
    joinGaps(samples, made, region.start, region.gaps, fadeSamples)
  }
  return { samples, sampleRate, seed, steps: passes }
}

/** Samples on either side of a gap that what is made in it can depend on. */
function reachOf({ network, mel, diffusion }: ModelConfig): number {
  const radius = receptiveRadius(network) * network.patch
  if (mel === null || network.mel === null) return radius
  const frames = (melContext(network.mel) + 1) * mel.hop
  // A clean frame of the mel on each side; and the envelope's filter, its inverse and that one's refinement, half a window each.
  const window = diffusion.prior?.kind === 'mel-envelope' ? 2 * mel.fftSize : mel.windowLength + mel.hop
  return Math.max(radius + frames, window)
}

/** Empties the gaps and refuses what is known and not finite. */
function checkKnown(samples: Float32Array, gaps: readonly Gap[]): void {
  for (const { start, end } of gaps) samples.fill(0, start, end)
  const broken = samples.findIndex(sample => !Number.isFinite(sample))
  if (broken >= 0)
    throw new DiffWaveError('NOT_FINITE', `sample ${broken} is not a finite number`, { where: 'inpaint' })
}

/** What of a region is known: not the gaps, nor what lies past the recording's end; the more so over `taper` samples away from a gap. */
function knownOf(samples: Float32Array, region: Region, taper: number) {
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
  return { known, weight }
}

/** The mel of a region's frames, bridged over its gaps. @throws DiffWaveError `BAD_AUDIO` where no frame is free of a gap */
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
    throw new DiffWaveError('BAD_AUDIO', 'the gap leaves no frame of the mel to go by', {
      expected: `at least ${convention.windowLength} samples on one side of it`,
    })
  }
  const first = (region.start - from) / hop
  const frames = (region.end - region.start) / hop
  const data = new Float32Array(bridged.bands * frames)
  for (let band = 0; band < bridged.bands; band++) {
    for (let frame = 0; frame < frames; frame++) {
      data[band * frames + frame] = bridged.data[band * bridged.frames + Math.min(bridged.frames - 1, first + frame)]!
    }
  }
  return { data, bands: bridged.bands, frames }
}
