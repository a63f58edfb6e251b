/** A model's `config.json`: its kind, its network, its mel convention and its noise schedules. */
import { z } from 'zod'
import { conventionSchema, type MelConvention, refinementObstacle } from '../audio/mel/convention.js'
import { correctionObstacle } from '../audio/mel/correction.js'
import { highBandObstacle } from '../audio/mel/high-band.js'
import { pitchObstacle } from '../audio/mel/pitch.js'
import { MAX_CLIP_SECONDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../core/limits.js'
import { type DiffusionConfig, diffusionSchema, isInSubbands, isWhitened, scheduleSteps } from './diffusion-config.js'
import { envelopeObstacle } from './front-end/envelope.js'
import { hasCorrection, hasEnvelope, melHop, networkSchema, patchIsBlock, positionSamples } from './network.js'

const fieldsSchema = z.strictObject({
  /** Marks the file as a model's config. */
  format: z.literal('diffwave'),
  /** Version of the format. */
  version: z.literal(1),
  /** A vocoder makes audio from a mel, a generator from noise alone or from a label. */
  kind: z.enum(['vocoder', 'generator']),
  /** Name of the model, for people. */
  name: z.string().default(''),
  /** What the model makes: one sentence. */
  description: z.string().default(''),
  /** SPDX identifier of the weights' licence. */
  license: z.string().default(''),
  /** In Hz. */
  sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
  /** Length in seconds of a generator's training clips, which is also the default length of what it makes. */
  clipSeconds: z.number().positive().max(MAX_CLIP_SECONDS).nullable().default(null),
  /** Architecture of the denoiser. */
  network: networkSchema,
  /** Other names of labels: `7` for `seven`. */
  aliases: z.record(z.string().min(1), z.string()).default({}),
  /**
   * Share of each label in the training data, in the order of `network.labels`. If a call names no label, one is drawn
   * by the seed in proportion to these shares. Null: a call that names no label gets a clip without one.
   */
  labelShares: z.array(z.number().min(0)).nullable().default(null),
  /** The mel that the network is conditioned on: the name of a convention, or a convention spelled out. */
  mel: conventionSchema.nullable().default(null),
  /** Noise schedules, prior, and the way to sample. */
  diffusion: diffusionSchema,
  /** Where the weights come from and how they were trained: free text by topic. */
  provenance: z.record(z.string(), z.unknown()).default({}),
})

type Fields = z.output<typeof fieldsSchema>

/** A rule that involves several fields. */
interface Rule {
  /** The field that an error names. */
  readonly path: string
  /** What is wrong with a config; null if nothing is. */
  problem(config: Fields): string | null
}

function rule(path: string, message: string, holds: (config: Fields) => boolean): Rule {
  return { path, problem: config => (holds(config) ? null : message) }
}

/** @param obstacle what the mel convention lacks for the field; null if nothing */
function needs(path: string, obstacle: (config: Fields, mel: MelConvention) => string | null): Rule {
  return {
    path,
    problem(config) {
      const missing = config.mel === null ? null : obstacle(config, config.mel)
      return missing === null ? null : `needs ${missing}`
    },
  }
}

const rules: readonly Rule[] = [
  rule(
    'network.mel',
    'a vocoder needs a mel conditioner, a generator has none',
    c => (c.kind === 'vocoder') === (c.network.mel !== null),
  ),
  rule(
    'mel',
    'a mel convention and a mel conditioner come together',
    c => (c.network.mel === null) === (c.mel === null),
  ),
  rule('mel.sampleRate', 'must equal sampleRate', c => c.mel === null || c.mel.sampleRate === c.sampleRate),
  rule(
    'network.mel.bands',
    'must equal the convention’s bands',
    c => c.mel === null || c.network.mel === null || c.mel.bands === c.network.mel.bands,
  ),
  rule(
    'network.mel',
    'its hop must equal the convention’s',
    c => c.mel === null || c.network.mel === null || c.mel.hop === melHop(c.network.mel),
  ),
  rule('aliases', 'must stand for labels of the network', c =>
    Object.values(c.aliases).every(label => c.network.labels?.includes(label)),
  ),
  rule(
    'network.inputMask.steps',
    'must equal the training schedule’s',
    ({ network, diffusion }) =>
      network.inputMask === null || network.inputMask.steps === scheduleSteps(diffusion.training),
  ),
  rule(
    'labelShares',
    'must be as many as the network’s labels',
    c => c.labelShares === null || c.labelShares.length === c.network.labels?.length,
  ),
  rule('labelShares', 'must not all be 0', c => c.labelShares === null || c.labelShares.some(share => share > 0)),
  rule(
    'diffusion.clamp',
    'must be false with this signalScale: a clamp to ±1 would cut the scaled signal',
    c => !c.diffusion.clamp || c.diffusion.signalScale === 1,
  ),
  rule(
    'diffusion.subbands.gains',
    'must be as many as the network’s patch',
    ({ network, diffusion }) =>
      diffusion.subbands === null || network.frontEnd !== null || diffusion.subbands.gains.length === network.patch,
  ),
  rule(
    'network.patch',
    'must be a power of two for subbands',
    c => c.diffusion.subbands === null || c.network.frontEnd !== null || patchIsBlock(c.network),
  ),
  rule(
    'diffusion.subbands',
    'are for generators with clamp false and signalScale 1: the gains scale',
    c => c.diffusion.subbands === null || leavesScaleToGains(c),
  ),
  rule(
    'diffusion.subbands',
    'must be null behind a front end',
    c => c.network.frontEnd === null || !isInSubbands(c.diffusion),
  ),
  needs('network.frontEnd.envelope', ({ network: { frontEnd } }, mel) =>
    frontEnd === null || frontEnd.envelope === null ? null : envelopeObstacle(frontEnd, mel),
  ),
  needs('network.frontEnd.correction', ({ network }, mel) => (hasCorrection(network) ? correctionObstacle(mel) : null)),
  rule(
    'network.frontEnd.correction',
    'needs a network that predicts x0',
    ({ network, diffusion }) => !hasCorrection(network) || diffusion.prediction === 'x0',
  ),
  rule(
    'network.frontEnd.envelope',
    'needs signalScale 1 and no mel-envelope prior: it is of audio as it is',
    ({ network, diffusion }) => !hasEnvelope(network) || (diffusion.signalScale === 1 && !isWhitened(diffusion)),
  ),
  rule(
    'diffusion.prior',
    'a front-end prior needs network.frontEnd.envelope',
    c => c.diffusion.prior?.kind !== 'front-end' || hasEnvelope(c.network),
  ),
  needs('diffusion.prior.harmonics', ({ diffusion: { prior } }, mel) =>
    prior?.kind !== 'front-end' || prior.harmonics === null ? null : pitchObstacle(mel),
  ),
  rule('diffusion.prior', 'a prior needs a mel', c => c.diffusion.prior === null || c.mel !== null),
  rule(
    'diffusion.prior',
    'a mel-envelope prior needs windows of at least two hops',
    c => !isWhitened(c.diffusion) || c.mel === null || 2 * c.mel.hop <= c.mel.windowLength,
  ),
  rule('diffusion.refinement', 'refinement needs a mel', c => c.diffusion.refinement === null || c.mel !== null),
  needs('diffusion.refinement', (c, mel) => (c.diffusion.refinement === null ? null : refinementObstacle(mel))),
  rule('diffusion.highBand', 'a high band needs a mel', c => c.diffusion.highBand === null || c.mel !== null),
  needs('diffusion.highBand', ({ diffusion: { highBand } }, mel) =>
    highBand === null ? null : highBandObstacle(mel, highBand),
  ),
]

/** Schema of `config.json`. */
export const modelConfigSchema = fieldsSchema.superRefine((config, context) => {
  for (const { path, problem } of rules) {
    const message = problem(config)
    if (message !== null) context.addIssue({ code: 'custom', path: path.split('.'), message })
  }
})

/** A model's `config.json`, with every default filled in. docs/models.md describes the fields. */
export type ModelConfig = Readonly<Fields>
/** A `config.json` as a person writes it: fields that have defaults may be left out. */
export type ModelConfigInput = z.input<typeof fieldsSchema>

/** Length of a generator's clips whose config states none. */
const DEFAULT_CLIP_SECONDS = 1

/** Whether nothing but the gains of subbands scales a model's x_0: it has no mel, no clamp and no signal scale. */
export function leavesScaleToGains({
  mel,
  diffusion,
}: {
  readonly mel: unknown
  readonly diffusion: Pick<DiffusionConfig, 'clamp' | 'signalScale'>
}): boolean {
  return mel === null && !diffusion.clamp && diffusion.signalScale === 1
}

/**
 * Number of samples of a generator's clip, at least 1.
 *
 * @param seconds its length. Default: that of the training clips if the config states it, else 1
 */
export function clipSamples(
  { clipSeconds, sampleRate }: Pick<ModelConfig, 'clipSeconds' | 'sampleRate'>,
  seconds: number = clipSeconds ?? DEFAULT_CLIP_SECONDS,
): number {
  return Math.max(1, Math.round(seconds * sampleRate))
}

/**
 * The audio of a model can be cut at multiples of this number of samples: the hop of its mel, else its patch or stride.
 */
export function audioHop({ mel, network }: Pick<ModelConfig, 'mel' | 'network'>): number {
  return mel?.hop ?? positionSamples(network)
}
