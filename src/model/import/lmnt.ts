/**
 * Import of lmnt-com/diffwave checkpoints: `torch.save` of {step, model, optimizer, params, scaler}, or a bare state dict.
 * The parameter names are ours; `params` (src/diffwave/params.py of the reference) says the rest.
 */
import { namedConventions } from '../../audio/mel/convention.js'
import { DiffWaveError } from '../../core/errors.js'
import { check } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import { stateDict, type TorchValue } from '../../formats/pytorch.js'
import { type ModelConfig, modelConfigSchema } from '../config.js'
import type { NoiseScheduleConfig } from '../diffusion-config.js'
import { checkParameters } from '../parameters.js'

/** A model as it was read: its config and its parameters, checked against each other. */
export interface ModelFiles {
  readonly config: ModelConfig
  readonly parameters: ReadonlyMap<string, Tensor>
}

/** The reference's default schedules and rates, for checkpoints that carry no `params`. */
const defaults = {
  noise_schedule: { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 },
  inference_noise_schedule: [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5],
} as const

/** Whether a state dict has this project's parameter names, as the reference's network has. */
export function isLmntStateDict(names: Iterable<string>): boolean {
  return [...names].some(name => /^(module\.)?residual_layers\.0\.dilated_conv\.weight$/.test(name))
}

function numbers(value: TorchValue | undefined): number[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.every(v => typeof v === 'number')
    ? (value as number[])
    : undefined
}

/** β as a linear schedule where numpy's linspace gives exactly these numbers, else spelled out. */
function schedule(betas: readonly number[]): NoiseScheduleConfig {
  const steps = betas.length
  const betaStart = betas[0]!
  const betaEnd = betas[steps - 1]!
  const step = steps > 1 ? (betaEnd - betaStart) / (steps - 1) : 0
  const linear = betas.every((beta, i) => Math.abs(beta - (betaStart + i * step)) <= 1e-15)
  return linear && steps > 1 ? { kind: 'linear', steps, betaStart, betaEnd } : { kind: 'explicit', betas: [...betas] }
}

/** The dilation cycle cannot be seen in shapes; the reference's default is taken where `params` does not say. */
const DEFAULT_DILATION_CYCLE = 10

/**
 * The model in a checkpoint of the reference.
 *
 * @param root what `decodeTorch` gave: the whole checkpoint, or its state dict alone
 * @throws DiffWaveError `BAD_CHECKPOINT`, `BAD_PARAMETERS`, `BAD_CONFIG`
 */
export function importLmnt(root: ReadonlyMap<TorchValue, TorchValue>, where: string): ModelFiles {
  const params = root.get('params')
  const given = params instanceof Map ? params : new Map<TorchValue, TorchValue>()
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of stateDict((root.get('model') ?? root) as TorchValue, where)) {
    // DistributedDataParallel puts `module.` before every name.
    tensors.set(name.replace(/^module\./, ''), tensor)
  }
  const shape = (name: string): readonly number[] => {
    const found = tensors.get(name)
    if (found === undefined) throw new DiffWaveError('BAD_CHECKPOINT', `the parameter ${name} is missing`, { where })
    return found.shape
  }
  const layers = [...tensors.keys()].filter(name => /^residual_layers\.\d+\.dilated_conv\.weight$/.test(name)).length
  const conditional = tensors.has('residual_layers.0.conditioner_projection.weight')
  const number = (name: string, fallback: number): number => {
    const value = given.get(name)
    return typeof value === 'number' ? value : fallback
  }
  const strides: number[] = []
  for (let i = 1; conditional && tensors.has(`spectrogram_upsampler.conv${i}.weight`); i++) {
    strides.push(Math.floor(shape(`spectrogram_upsampler.conv${i}.weight`)[3]! / 2))
  }
  const sampleRate = number('sample_rate', 22050)
  const betas = numbers(given.get('noise_schedule'))
  const training = betas === undefined ? defaults.noise_schedule : schedule(betas)
  const fast = numbers(given.get('inference_noise_schedule')) ?? [...defaults.inference_noise_schedule]
  const bands = conditional ? shape('residual_layers.0.conditioner_projection.weight')[1]! : 0
  const hop = strides.reduce((product, stride) => product * stride, 1)
  const fftSize = number('n_fft', 1024)
  const config = check(
    modelConfigSchema,
    {
      format: 'diffwave',
      version: 1,
      kind: conditional ? 'vocoder' : 'generator',
      sampleRate,
      network: {
        channels: shape('input_projection.weight')[0]!,
        layers,
        dilationCycle: number('dilation_cycle_length', DEFAULT_DILATION_CYCLE),
        stepEmbedding: {
          size: shape('diffusion_embedding.projection1.weight')[1]!,
          hidden: shape('diffusion_embedding.projection1.weight')[0]!,
        },
        mel: conditional ? { kind: 'transposed', bands, strides, sharing: 'shared' } : null,
      },
      mel: conditional
        ? sampleRate === 22050 && hop === 256 && bands === 80 && fftSize === 1024
          ? 'lmnt'
          : {
              ...namedConventions.lmnt,
              name: 'lmnt-like',
              sampleRate,
              fftSize,
              // The reference's preprocess.py: a window of four hops.
              windowLength: hop * 4,
              hop,
              bands,
              maxFrequency: sampleRate / 2,
            }
        : null,
      diffusion: { training, sampling: { [String(fast.length)]: fast }, defaultSteps: fast.length, clamp: true },
      provenance: {
        importedFrom: 'lmnt-com/diffwave checkpoint',
        ...(typeof root.get('step') === 'number' ? { trainingSteps: root.get('step') } : {}),
      },
    },
    where,
    'BAD_CHECKPOINT',
  )
  return { config, parameters: checkParameters(config.network, tensors, where) }
}
