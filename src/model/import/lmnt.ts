/**
 * Import of networks with lmnt-com/diffwave's parameter names, which are also ours: that project's checkpoints ({step,
 * model, optimizer, params, scaler}), Amphion's (the same network at 24 kHz, with a config file beside it), and bare
 * weights.
 */
import { type ConventionName, type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import { DiffWaveError } from '../../core/errors.js'
import { check } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import type { TorchValue } from '../../formats/torch-pickle.js'
import { modelConfigSchema } from '../config.js'
import type { NoiseScheduleConfig } from '../diffusion-config.js'
import { checkParameters } from '../parameters.js'
import type { AmphionFacts } from './amphion.js'
import { checkHintedConvention, hintedSchedule, type ImportHints } from './hints.js'
import type { ImportedModel } from './model-files.js'

/** The reference's defaults (src/diffwave/params.py), for checkpoints that do not state them. */
const DEFAULT_SCHEDULE = { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 } as const
const DEFAULT_FAST_SCHEDULE = [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5]
const DEFAULT_DILATION_CYCLE = 10
const DEFAULT_FFT_SIZE = 1024
const DEFAULT_SAMPLE_RATE = 22_050

/** What a checkpoint contains besides its network. */
export interface LmntContext {
  /** The whole checkpoint: `params` and `step` are read from it. */
  readonly root: ReadonlyMap<TorchValue, TorchValue>
  /** The facts in the config file of an Amphion checkpoint; null if there is none. */
  readonly amphion: AmphionFacts | null
  readonly hints: ImportHints
}

/** What the shapes of the tensors say about the network. */
interface Shapes {
  readonly channels: number
  readonly layers: number
  readonly embedding: { readonly size: number; readonly hidden: number }
  /** Null for an unconditional network. */
  readonly mel: { readonly bands: number; readonly strides: readonly number[]; readonly hop: number } | null
}

/** What the shapes cannot say about the model. */
interface Facts {
  readonly sampleRate: number
  readonly dilationCycle: number
  readonly training: NoiseScheduleConfig
  readonly fast: readonly number[]
  readonly convention: ConventionName | MelConvention | null
  readonly notes: readonly string[]
}

/**
 * Makes a model of a network with this project's parameter names.
 *
 * @param tensors by name, without prefixes
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_CHECKPOINT`, `BAD_PARAMETERS`, `BAD_OPTION`
 */
export function importLmnt(tensors: ReadonlyMap<string, Tensor>, context: LmntContext, where: string): ImportedModel {
  const shapes = readShapes(tensors, where)
  const { sampleRate, dilationCycle, training, fast, convention, notes } = gatherFacts(shapes, context)
  checkHintedConvention(context.hints, { convention, sampleRate, mel: shapes.mel }, where)
  const step = context.root.get('step')
  const config = check(
    modelConfigSchema,
    {
      format: 'diffwave',
      version: 1,
      kind: shapes.mel === null ? 'generator' : 'vocoder',
      sampleRate,
      network: {
        channels: shapes.channels,
        layers: shapes.layers,
        dilationCycle,
        stepEmbedding: shapes.embedding,
        mel:
          shapes.mel === null
            ? null
            : { kind: 'transposed', bands: shapes.mel.bands, strides: shapes.mel.strides, sharing: 'shared' },
      },
      mel: convention,
      diffusion: { training, sampling: { [String(fast.length)]: fast }, defaultSteps: fast.length, clamp: true },
      provenance: {
        importedFrom: context.amphion === null ? 'lmnt-com/diffwave checkpoint' : 'open-mmlab/Amphion checkpoint',
        ...(typeof step === 'number' ? { trainingSteps: step } : {}),
      },
    },
    where,
    'BAD_CHECKPOINT',
  )
  return { config, parameters: checkParameters(config.network, tensors, where), notes }
}

function readShapes(tensors: ReadonlyMap<string, Tensor>, where: string): Shapes {
  const shape = (name: string): readonly number[] => {
    const found = tensors.get(name)
    if (found === undefined) throw new DiffWaveError('BAD_CHECKPOINT', `the parameter ${name} is missing`, { where })
    return found.shape
  }
  const layers = [...tensors.keys()].filter(name => /^residual_layers\.\d+\.dilated_conv\.weight$/.test(name)).length
  const [hidden, size] = shape('diffusion_embedding.projection1.weight')
  const conditional = tensors.has('residual_layers.0.conditioner_projection.weight')
  const strides: number[] = []
  for (let i = 1; conditional && tensors.has(`spectrogram_upsampler.conv${i}.weight`); i++) {
    strides.push(Math.floor(shape(`spectrogram_upsampler.conv${i}.weight`)[3]! / 2))
  }
  return {
    channels: shape('input_projection.weight')[0]!,
    layers,
    embedding: { size: size!, hidden: hidden! },
    mel: conditional
      ? {
          bands: shape('residual_layers.0.conditioner_projection.weight')[1]!,
          strides,
          hop: strides.reduce((product, stride) => product * stride, 1),
        }
      : null,
  }
}

/**
 * Gathers the facts. The user's hints come first, then the checkpoint's `params`, then a config file beside it, then
 * defaults.
 */
function gatherFacts(shapes: Shapes, { root, amphion, hints }: LmntContext): Facts {
  const params = root.get('params')
  const stated = params instanceof Map ? params : new Map<TorchValue, TorchValue>()
  const assumed: string[] = []
  const known = <Value>(name: string, values: readonly (Value | undefined)[], fallback: Value, text: string): Value => {
    const value = values.find(candidate => candidate !== undefined)
    if (value === undefined) assumed.push(`${name} ${text}`)
    return value ?? fallback
  }
  const looksAmphion =
    amphion !== null || (shapes.mel?.bands === namedConventions.amphion.bands && !stated.has('n_mels'))
  const usualRate = looksAmphion ? namedConventions.amphion.sampleRate : DEFAULT_SAMPLE_RATE
  const named = hints.convention === undefined ? undefined : namedConventions[hints.convention]
  const sampleRate = known(
    'sample rate',
    [hints.sampleRate, named?.sampleRate, numberOf(stated.get('sample_rate')), amphion?.sampleRate],
    usualRate,
    `${usualRate} Hz`,
  )
  const dilationCycle = known(
    'dilation cycle',
    [hints.dilationCycle, numberOf(stated.get('dilation_cycle_length')), amphion?.dilationCycle],
    DEFAULT_DILATION_CYCLE,
    String(DEFAULT_DILATION_CYCLE),
  )
  const betas = numbersOf(stated.get('noise_schedule'))
  const hinted = hints.diffusionSteps ?? hints.betaStart ?? hints.betaEnd
  const own = known<NoiseScheduleConfig | undefined>(
    'noise schedule',
    [betas && scheduleOf(betas), amphion?.training, hinted === undefined ? undefined : DEFAULT_SCHEDULE],
    undefined,
    'of 50 steps from 0.0001 to 0.05',
  )
  const convention = conventionOf(shapes, sampleRate, { looksAmphion, hints, amphion, stated })
  if (convention !== null && hints.convention === undefined && !stated.has('n_fft') && amphion === null) {
    assumed.push(`mel convention ${typeof convention === 'string' ? convention : convention.name}`)
  }
  return {
    sampleRate,
    dilationCycle,
    training: hintedSchedule(own ?? DEFAULT_SCHEDULE, hints),
    fast: numbersOf(stated.get('inference_noise_schedule')) ?? amphion?.fast ?? DEFAULT_FAST_SCHEDULE,
    convention,
    notes:
      assumed.length === 0
        ? []
        : [`Not stated in the checkpoint and therefore assumed: ${assumed.join(', ')}. Options can change them.`],
  }
}

interface ConventionFacts {
  readonly looksAmphion: boolean
  readonly hints: ImportHints
  readonly amphion: AmphionFacts | null
  readonly stated: ReadonlyMap<TorchValue, TorchValue>
}

function conventionOf(
  { mel }: Shapes,
  sampleRate: number,
  { looksAmphion, hints, amphion, stated }: ConventionFacts,
): ConventionName | MelConvention | null {
  if (mel === null) return null
  if (hints.convention !== undefined) return hints.convention
  if (amphion !== null) return amphion.convention
  if (looksAmphion) return { ...namedConventions.amphion, sampleRate, maxFrequency: Math.min(12_000, sampleRate / 2) }
  const { lmnt } = namedConventions
  const fftSize = numberOf(stated.get('n_fft')) ?? DEFAULT_FFT_SIZE
  const { bands, hop } = mel
  if (sampleRate === lmnt.sampleRate && hop === lmnt.hop && bands === lmnt.bands && fftSize === lmnt.fftSize) {
    return 'lmnt'
  }
  // The reference's preprocess.py takes a window of four hops.
  const custom = { name: 'lmnt-like', sampleRate, fftSize, windowLength: hop * 4, hop, bands }
  return { ...lmnt, ...custom, maxFrequency: sampleRate / 2 }
}

function numberOf(value: TorchValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function numbersOf(value: TorchValue | undefined): number[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.every(v => typeof v === 'number')
    ? (value as number[])
    : undefined
}

/** β as a linear schedule if numpy's linspace returns exactly these numbers, else one by one. */
function scheduleOf(betas: readonly number[]): NoiseScheduleConfig {
  const steps = betas.length
  const betaStart = betas[0]!
  const betaEnd = betas[steps - 1]!
  const step = steps > 1 ? (betaEnd - betaStart) / (steps - 1) : 0
  const linear = betas.every((beta, i) => Math.abs(beta - (betaStart + i * step)) <= 1e-15)
  return linear && steps > 1 ? { kind: 'linear', steps, betaStart, betaEnd } : { kind: 'explicit', betas: [...betas] }
}
