/** A model's `config.json`: its kind, its network, the audio it speaks and the noise schedules it knows. */
import { z } from 'zod'
import { conventionSchema } from '../audio/mel/convention.js'
import { refinementObstacle } from '../audio/mel/phase-refinement.js'
import { MAX_CLIP_SECONDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../core/limits.js'
import { type DiffusionConfig, diffusionSchema, scheduleSteps } from './diffusion-config.js'
import { melHop, networkSchema, patchIsBlock } from './network.js'

/** Schema of `config.json`. */
export const modelConfigSchema = z
  .strictObject({
    format: z.literal('diffwave'),
    version: z.literal(1),
    kind: z.enum(['vocoder', 'generator']),
    name: z.string().default(''),
    description: z.string().default(''),
    licence: z.string().default(''),
    sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
    /** Length in seconds of the clips a generator was trained on: what it makes where the caller says nothing. */
    clipSeconds: z.number().positive().max(MAX_CLIP_SECONDS).nullable().default(null),
    network: networkSchema,
    /** Other names of labels: `7` for `seven`. */
    aliases: z.record(z.string().min(1), z.string()).default({}),
    /** How often each label is drawn for a clip for which none is asked, in the labels' order: by a clip's seed, in proportion to
     * these; null: such a clip is made without a label. */
    labelShares: z.array(z.number().min(0)).nullable().default(null),
    /** The mel that the network is conditioned on: a convention's name, or the convention spelled out. */
    mel: conventionSchema.nullable().default(null),
    diffusion: diffusionSchema,
    /** Where the weights come from and how they were trained: free text by topic. */
    provenance: z.record(z.string(), z.unknown()).default({}),
  })
  .refine(c => (c.kind === 'vocoder') === (c.network.mel !== null), {
    path: ['network', 'mel'],
    message: 'a vocoder needs a mel conditioner, a generator has none',
  })
  .refine(c => (c.network.mel === null) === (c.mel === null), {
    path: ['mel'],
    message: 'a mel convention and a mel conditioner come together',
  })
  .refine(c => c.mel === null || c.mel.sampleRate === c.sampleRate, {
    path: ['mel', 'sampleRate'],
    message: 'must equal sampleRate',
  })
  .refine(c => c.mel === null || c.network.mel === null || c.mel.bands === c.network.mel.bands, {
    path: ['network', 'mel', 'bands'],
    message: 'must equal the convention’s bands',
  })
  .refine(c => c.mel === null || c.network.mel === null || c.mel.hop === melHop(c.network.mel), {
    path: ['network', 'mel'],
    message: 'its hop must equal the convention’s',
  })
  .refine(c => Object.values(c.aliases).every(label => c.network.labels?.includes(label)), {
    path: ['aliases'],
    message: 'must stand for labels of the network',
  })
  .refine(c => c.network.inputMask === null || c.network.inputMask.steps === scheduleSteps(c.diffusion.training), {
    path: ['network', 'inputMask', 'steps'],
    message: 'must equal the training schedule’s',
  })
  .refine(c => c.labelShares === null || c.labelShares.length === c.network.labels?.length, {
    path: ['labelShares'],
    message: 'must be as many as the network’s labels',
  })
  .refine(c => c.labelShares === null || c.labelShares.some(share => share > 0), {
    path: ['labelShares'],
    message: 'must not all be 0',
  })
  .refine(c => !c.diffusion.clamp || c.diffusion.signalScale === 1, {
    path: ['diffusion', 'clamp'],
    message: 'would cut what signalScale lifts above ±1: make it false',
  })
  .refine(c => c.diffusion.subbands === null || c.diffusion.subbands.gains.length === c.network.patch, {
    path: ['diffusion', 'subbands', 'gains'],
    message: 'must be as many as the network’s patch',
  })
  .refine(c => c.diffusion.subbands === null || patchIsBlock(c.network), {
    path: ['network', 'patch'],
    message: 'must be a power of two where there are subbands',
  })
  .refine(c => c.diffusion.subbands === null || leavesScaleToGains(c), {
    path: ['diffusion', 'subbands'],
    message: 'are for generators with clamp false and signalScale 1: the gains scale',
  })
  .refine(c => c.diffusion.prior === null || c.mel !== null, {
    path: ['diffusion', 'prior'],
    message: 'a prior needs a mel',
  })
  .refine(c => c.diffusion.prior?.kind !== 'mel-envelope' || c.mel === null || 2 * c.mel.hop <= c.mel.windowLength, {
    path: ['diffusion', 'prior'],
    message: 'a mel-envelope prior needs windows of at least two hops',
  })
  .refine(c => c.diffusion.refinement === null || c.mel !== null, {
    path: ['diffusion', 'refinement'],
    message: 'refinement needs a mel',
  })
  .refine(c => c.diffusion.refinement === null || c.mel === null || refinementObstacle(c.mel) === null, {
    path: ['diffusion', 'refinement'],
    message: 'refinement needs windows of 2.5 hops or more, and transforms of at most 32',
  })

/** A model's `config.json`, with every default filled in. docs/models.md describes the fields. */
export type ModelConfig = Readonly<z.output<typeof modelConfigSchema>>
/** A `config.json` as a person writes it: fields that have defaults may be left out. */
export type ModelConfigInput = z.input<typeof modelConfigSchema>

/** Whether nothing but the gains of subbands scales or cuts a model's x_0. */
export function leavesScaleToGains({
  mel,
  diffusion,
}: {
  readonly mel: unknown
  readonly diffusion: Pick<DiffusionConfig, 'clamp' | 'signalScale'>
}): boolean {
  return mel === null && !diffusion.clamp && diffusion.signalScale === 1
}

/** Samples between two places where a model's audio can be cut: a frame of its mel, else a position. */
export function audioHop({ mel, network }: Pick<ModelConfig, 'mel' | 'network'>): number {
  return mel?.hop ?? network.patch
}
