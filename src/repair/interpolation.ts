/**
 * Interpolation between two recordings: both are noised to one level and mixed there, and the reverse process denoises
 * the mixture (Ho et al. 2020, section 4.3; Kong et al. 2021, last experiments). Apart from the recordings themselves,
 * memory is bounded.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { DiffWaveError } from '../core/errors.js'
import { check, type FieldsOf } from '../core/options.js'
import { draws } from '../core/random-streams.js'
import { drawSeed } from '../core/seed.js'
import { encodedInParts } from '../data-domain/data-domain.js'
import { type Denoiser, modelDomain } from '../denoiser/denoiser.js'
import { seededNoise } from '../diffusion/noise.js'
import { samplerFromLevel } from '../diffusion/samplers/create.js'
import { wholeClip } from '../synthesis/clip.js'
import { mixLatents } from './mix-latents.js'
import {
  levelOfStep,
  nearestLevel,
  Restored,
  recordingAt,
  type StartLevelOptions,
  startLevelFields,
} from './start-level.js'

/** ᾱ of the level at which signal and noise are equally strong. */
const EQUAL_PARTS = 0.5

/** Options of `interpolate`. With an early `step` both recordings stay audible; a late one makes something new. */
export interface InterpolateOptions extends StartLevelOptions {
  /** Weight λ of the second recording, 0 to 1: 0 is the first recording alone, 1 the second alone. Default: 0.5. */
  readonly mix?: number | undefined
}

const interpolateSchema = z.strictObject({
  ...startLevelFields,
  mix: z.number().min(0).max(1).default(0.5),
} satisfies FieldsOf<InterpolateOptions>)

/**
 * Makes a recording that lies between two others of the same length.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO` (lengths differ), `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function interpolate(
  model: Denoiser,
  first: Audio,
  second: Audio,
  options: InterpolateOptions = {},
): Promise<Restored> {
  const checked = check(interpolateSchema, options, 'interpolate options')
  const { mix, step, label, seed = drawSeed(), signal, onProgress, onStep, ...choice } = checked
  const { config } = model
  const domain = modelDomain(model)
  const { diffusion, sampleRate } = config
  const labelIndex = model.labelIndex(label)
  // Both at once: the caller may write to its arrays as soon as this waits.
  const [a, b] = await Promise.all([
    recordingAt(first, sampleRate, 'the first recording', signal),
    recordingAt(second, sampleRate, 'the second recording', signal),
  ])
  if (a.length !== b.length) {
    throw new DiffWaveError('BAD_AUDIO', 'the two recordings differ in length', {
      expected: `${a.length} samples at ${sampleRate} Hz`,
      got: String(b.length),
      where: 'the second recording',
      hint: 'Trim or pad one of them first: only you know which parts belong together.',
    })
  }
  const level = step === undefined ? nearestLevel(diffusion, EQUAL_PARTS) : levelOfStep(diffusion, step)
  const white = seededNoise(seed, model.engine.gaussian)
  const noiseOfSecond = (start: number, count: number) => white(draws.secondRecording, start, count)
  const made = await wholeClip(model, {
    sampler: samplerFromLevel(diffusion, level.alphaBar, choice),
    seed,
    input: { length: a.length },
    start: mixLatents(encodedInParts(domain, a), encodedInParts(domain, b), level.alphaBar, mix, noiseOfSecond),
    label: labelIndex,
    signal,
    onProgress,
    onStep,
  })
  return new Restored({ ...made, step: level.step })
}
