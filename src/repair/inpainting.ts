/**
 * Inpainting: fills the gaps of a recording so that both sides join, without retraining. The network runs only over the
 * region that it has to see around a gap, so the memory does not depend on the recording's length. The samples in a gap
 * are ignored. A recording of another rate than the model's keeps its own rate: only what fills the gaps is converted.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { checkAudio, checkNotEmpty, checkSamples } from '../audio/check-audio.js'
import type { Gap } from '../audio/gap.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { sliceMel } from '../audio/mel/frames.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { MAX_FADE_SECONDS, MAX_GAPS, MAX_ROUNDS } from '../core/limits.js'
import { check, type FieldsOf } from '../core/options.js'
import { drawSeed } from '../core/seed.js'
import { orAborted } from '../core/until-aborted.js'
import { type Denoiser, modelDomain } from '../denoiser/denoiser.js'
import { type NoiseSource, seededNoise } from '../diffusion/noise.js'
import { createSampler } from '../diffusion/samplers/create.js'
import { resampled } from '../diffusion/samplers/resampled.js'
import { audioHop, type ModelConfig } from '../model/config.js'
import { melContext, positionSamples, receptiveRadius } from '../model/network.js'
import { HighBand } from '../synthesis/high-band.js'
import { labelField, type WholeClipOptions, wholeClipFields } from '../synthesis/options.js'
import { Synthesis } from '../synthesis/result.js'
import { watchSteps } from '../synthesis/sampling-step.js'
import { repairable } from './at-model-rate.js'
import { bridgeMel } from './bridge-mel.js'
import { fill, type KnownAudio } from './fill.js'
import { gapsInSamples, type Region, repairRegions, shareOf } from './gaps.js'

/** Options of `inpaint`. */
export interface InpaintOptions extends WholeClipOptions {
  /** The gaps to fill: 1 to 10,000 of them, each at most 10 s long. */
  readonly gaps: readonly Gap[]
  /**
   * Number of passes at each noise level (RePaint's resampling), 1 to 50. More rounds join the sides better, and each
   * takes `steps` more passes. On a Gaussian process with a known solution, 6 steps of 4 rounds are more accurate than
   * 20 steps of one round (test/repair). Default: 4.
   */
  readonly rounds?: number | undefined
  /**
   * Length in seconds, on either side of a gap, over which the recording fades into the generated audio: 0 to 0.1. With
   * 0, every known sample stays as it is. Default: 0.002.
   */
  readonly fade?: number | undefined
  /** Name of the voice or class, for models with labels; null for no label. Default: null. */
  readonly label?: string | null | undefined
}

const inpaintSchema = z.strictObject({
  ...wholeClipFields,
  gaps: z
    .array(z.strictObject({ start: z.number(), end: z.number() }))
    .min(1)
    .max(MAX_GAPS),
  rounds: z.number().int().min(1).max(MAX_ROUNDS).default(4),
  fade: z.number().min(0).max(MAX_FADE_SECONDS).default(0.002),
  label: labelField.default(null),
} satisfies FieldsOf<InpaintOptions>)

/**
 * Fills the gaps of a recording. A vocoder follows the recording's mel, interpolated over the gaps. A generator has
 * only the sound around the gaps. The result has the recording's sample rate. If that is not the model's, the gaps are
 * filled at the model's rate: what fills them has no frequencies above half of it.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `BAD_AUDIO`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function inpaint(model: Denoiser, audio: Audio, options: InpaintOptions): Promise<Synthesis> {
  const checked = check(inpaintSchema, options, 'inpaint options')
  const { gaps: lost, rounds, fade, label, seed = drawSeed(), signal, onProgress, onStep, ...choice } = checked
  const { config } = model
  const domain = modelDomain(model)
  const { sampleRate: modelRate, diffusion } = config
  const { samples, gaps } = withSilentGaps(audio, lost)
  const { sampleRate } = audio
  const sampler = resampled(createSampler(diffusion, choice), rounds)
  const labelIndex = model.labelIndex(label)
  const recording = repairable({ samples, sampleRate, gaps, fade, modelRate, signal })
  const reach = reachOf(model) + Math.round(fade * modelRate) + recording.margin
  const regions = repairRegions(recording.gaps, recording.length, reach, audioHop(config))
  const passes = sampler.steps.length
  const total = regions.reduce((sum, { start, end }) => sum + (end - start), 0) * passes
  let done = 0
  const white = seededNoise(seed, model.engine.gaussian)
  for (const [clip, region] of regions.entries()) {
    const length = region.end - region.start
    // The noise of each region is that of its place in the recording, so that no two gaps sound alike.
    const noise: NoiseSource = (draw, start, count) => white(draw, region.start + start, count)
    // The mel's frames must equal those of the whole recording, so they are computed with enough of it on both sides.
    const beside = config.mel === null ? 0 : Math.ceil(config.mel.fftSize / config.mel.hop) * config.mel.hop
    const from = Math.max(0, region.start - beside)
    const around = { from, samples: await recording.read(from, Math.min(recording.length, region.end + beside)) }
    const mel = config.mel === null ? null : regionMel(around, region, config.mel)
    const watch = onStep && watchSteps(onStep, { domain, sampler, mel, length, clip, start: region.start })
    const made = await fill({
      sampler,
      prediction: diffusion.prediction,
      domain,
      mel,
      known: knownOf(around, region, Math.round(domain.taper * modelRate)),
      noise: draw => noise(draw, 0, length),
      predict: async (pass, x) => {
        const output = await predictRegion(model, { x, step: sampler.steps[pass]!, mel, label: labelIndex, signal })
        throwIfAborted(signal)
        done += length
        await orAborted(onProgress?.({ done, total }), signal)
        return output
      },
      onStep: watch && (step => orAborted(watch(step), signal)),
    })
    // No phase refinement, whatever the model's default: it would change every sample, and the known ones must stay.
    await recording.write(withRegionBand(config, made, mel, noise), region)
  }
  return new Synthesis({ samples, sampleRate, seed, steps: passes })
}

/**
 * Checks a recording and its gaps, and returns a copy of its samples in which the gaps are silent: they may hold
 * anything.
 *
 * @throws DiffWaveError `BAD_AUDIO`, `BAD_OPTION`, `NOT_FINITE`
 */
function withSilentGaps(audio: Audio, lost: readonly Gap[]) {
  checkAudio(audio, 'the recording')
  checkNotEmpty(audio.samples, 'the recording')
  const samples = audio.samples.slice()
  const gaps = gapsInSamples(lost, audio.sampleRate, samples.length)
  for (const { start, end } of gaps) samples.fill(0, start, end)
  checkSamples(samples, 'the recording')
  return { samples, gaps }
}

/** A stretch of the recording at the model's rate. */
interface Stretch {
  /** Its first sample. */
  readonly from: number
  readonly samples: Float32Array
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

/** Adds the model's high band, if it has one. */
function withRegionBand(
  { mel: convention, diffusion: { highBand } }: ModelConfig,
  made: Float32Array,
  mel: Mel | null,
  noise: NoiseSource,
): Float32Array {
  if (convention === null || highBand === null || mel === null) return made
  const band = new HighBand(convention, highBand, noise)
  band.pushMel(mel)
  return band.add(made)
}

/** How many samples on either side of a gap can affect what fills it. */
function reachOf(model: Denoiser): number {
  const { network, mel } = model.config
  const { reach } = modelDomain(model)
  const corrected = (network.frontEnd?.correction?.passes ?? 0) * (mel?.fftSize ?? 0)
  const radius = receptiveRadius(network) * positionSamples(network) + corrected
  if (mel === null || network.mel === null) return radius + reach
  const frames = (melContext(network.mel) + 1) * mel.hop
  // The mel needs a frame on each side that no gap touches.
  return Math.max(radius + reach + frames, mel.windowLength + mel.hop)
}

/**
 * The known audio of a region. Weights are 0 in the gaps and past the recording's end, and rise to 1 over `taper`
 * samples beside a gap.
 */
function knownOf({ from, samples }: Stretch, region: Region, taper: number): KnownAudio {
  const length = region.end - region.start
  const recorded = samples.subarray(region.start - from, region.end - from)
  const known = new Float32Array(length)
  known.set(recorded)
  const weight = new Float32Array(length).fill(1, 0, recorded.length)
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
 * @param around the region, and as much of the recording beside it as a transform sees
 * @throws DiffWaveError `BAD_AUDIO` if the gaps touch every frame
 */
function regionMel({ from, samples }: Stretch, region: Region, convention: MelConvention): Mel {
  const { hop, sampleRate } = convention
  const whole = melSpectrogram({ samples, sampleRate }, convention)
  const gaps = region.gaps.map(({ start, end }) => ({ start: start - from, end: end - from }))
  const bridged = bridgeMel(whole, convention, gaps)
  if (bridged === null) {
    throw new DiffWaveError('BAD_AUDIO', 'the gap touches every frame of the mel', {
      expected: `at least ${convention.windowLength} samples at ${sampleRate} Hz on one side of it`,
      where: 'the recording',
    })
  }
  const first = (region.start - from) / hop
  return sliceMel(bridged, first, first + (region.end - region.start) / hop)
}
