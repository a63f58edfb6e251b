/**
 * Import of philsyn/DiffWave-Vocoder checkpoints: a `.pkl` of torch.save with `model_state_dict`, and a `config.json` beside
 * it. The network differs from lmnt's in four ways, which become config: embedding frequencies, the order of the gate, the
 * residual sum, and an upsampler a layer. Weight normalisation is folded; the separate residual and skip convolutions become
 * one output projection.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { check } from '../../core/options.js'
import { elementCount, type Tensor } from '../../core/tensor.js'
import { stateDict, type TorchValue } from '../../formats/pytorch.js'
import { modelConfigSchema } from '../config.js'
import { checkParameters } from '../parameters.js'
import type { ModelFiles } from './lmnt.js'

/** What shapes cannot tell, where there is no `config.json`. */
export interface PhilsynHints {
  readonly dilationCycle: number
  readonly diffusionSteps: number
  readonly betaStart: number
  readonly betaEnd: number
}

const configFileSchema = z.object({
  diffusion_config: z.object({ T: z.number().int(), beta_0: z.number(), beta_T: z.number() }),
  wavenet_config: z.object({ dilation_cycle: z.number().int() }),
})

/** The hints in that project's `config.json`. @throws DiffWaveError `BAD_CONFIG` */
export function philsynHints(json: unknown, where: string): PhilsynHints {
  const parsed = check(configFileSchema, json, where, 'BAD_CONFIG')
  return {
    dilationCycle: parsed.wavenet_config.dilation_cycle,
    diffusionSteps: parsed.diffusion_config.T,
    betaStart: parsed.diffusion_config.beta_0,
    betaEnd: parsed.diffusion_config.beta_T,
  }
}

/** Whether a state dict has that project's parameter names. */
export function isPhilsynStateDict(names: Iterable<string>): boolean {
  return [...names].some(name => /^(module\.)?residual_layer\.residual_blocks\.0\./.test(name))
}

/** w = g · v/‖v‖, the norm over all axes but the first (torch.nn.utils.weight_norm, dim 0). */
function foldWeightNorm(g: Tensor, v: Tensor, where: string): Tensor {
  const rows = v.shape[0]!
  if (g.data.length !== rows) throw new DiffWaveError('BAD_CHECKPOINT', 'a weight norm has the wrong size', { where })
  const width = elementCount(v.shape) / rows
  const data = new Float32Array(v.data.length)
  for (let row = 0; row < rows; row++) {
    let squares = 0
    for (let i = row * width; i < (row + 1) * width; i++) squares += v.data[i]! ** 2
    const scale = g.data[row]! / Math.sqrt(squares)
    for (let i = row * width; i < (row + 1) * width; i++) data[i] = v.data[i]! * scale
  }
  return { shape: v.shape, data }
}

/** Two matrices or vectors, one below the other. */
function stack(top: Tensor, bottom: Tensor): Tensor {
  const data = new Float32Array(top.data.length + bottom.data.length)
  data.set(top.data)
  data.set(bottom.data, top.data.length)
  return { shape: [top.shape[0]! + bottom.shape[0]!, ...top.shape.slice(1)], data }
}

/**
 * The model in a checkpoint of that project.
 *
 * @param hints from its `config.json`, or given by the user
 * @throws DiffWaveError `BAD_CHECKPOINT`, `BAD_PARAMETERS`
 */
export function importPhilsyn(
  root: ReadonlyMap<TorchValue, TorchValue>,
  hints: PhilsynHints,
  where: string,
): ModelFiles {
  const raw = stateDict((root.get('model_state_dict') ?? root) as TorchValue, where)
  const source = new Map<string, Tensor>()
  for (const [key, tensor] of raw) {
    const name = key.replace(/^module\./, '')
    if (name.endsWith('.weight_g')) continue
    if (name.endsWith('.weight_v')) {
      const g = raw.get(key.replace(/_v$/, '_g'))
      if (g === undefined) throw new DiffWaveError('BAD_CHECKPOINT', `${key} has no weight_g`, { where })
      source.set(name.replace(/_v$/, ''), foldWeightNorm(g, tensor, where))
    } else source.set(name, tensor)
  }
  const take = (name: string): Tensor => {
    const found = source.get(name)
    if (found === undefined) throw new DiffWaveError('BAD_CHECKPOINT', `the parameter ${name} is missing`, { where })
    return found
  }
  const blocks = 'residual_layer.residual_blocks'
  const layers = [...source.keys()].filter(name => /residual_blocks\.\d+\.fc_t\.weight$/.test(name)).length
  const strides: number[] = []
  for (let i = 0; source.has(`${blocks}.0.upsample_conv2d.${i}.weight`); i++) {
    strides.push(Math.floor(take(`${blocks}.0.upsample_conv2d.${i}.weight`).shape[3]! / 2))
  }

  const parameters = new Map<string, Tensor>()
  const both = (to: string, from: string) => {
    for (const part of ['weight', 'bias']) parameters.set(`${to}.${part}`, take(`${from}.${part}`))
  }
  both('input_projection', 'init_conv.0.conv')
  both('diffusion_embedding.projection1', 'residual_layer.fc_t1')
  both('diffusion_embedding.projection2', 'residual_layer.fc_t2')
  for (let i = 0; i < layers; i++) {
    const from = `${blocks}.${i}`
    const to = `residual_layers.${i}`
    both(`${to}.dilated_conv`, `${from}.dilated_conv_layer.conv`)
    both(`${to}.diffusion_projection`, `${from}.fc_t`)
    for (let s = 0; s < strides.length; s++) {
      both(`${to}.spectrogram_upsampler.conv${s + 1}`, `${from}.upsample_conv2d.${s}`)
    }
    both(`${to}.conditioner_projection`, `${from}.mel_conv.conv`)
    for (const part of ['weight', 'bias']) {
      parameters.set(
        `${to}.output_projection.${part}`,
        stack(take(`${from}.res_conv.${part}`), take(`${from}.skip_conv.${part}`)),
      )
    }
  }
  both('skip_projection', 'final_conv.0.conv')
  both('output_projection', 'final_conv.2.conv')

  const iteration = root.get('iter')
  const config = check(
    modelConfigSchema,
    {
      format: 'diffwave',
      version: 1,
      kind: 'vocoder',
      sampleRate: 22050,
      network: {
        channels: take('init_conv.0.conv.bias').shape[0]!,
        layers,
        dilationCycle: hints.dilationCycle,
        stepEmbedding: {
          frequencies: 'inverse',
          fractional: 'direct',
          size: take('residual_layer.fc_t1.weight').shape[1]!,
          hidden: take('residual_layer.fc_t1.weight').shape[0]!,
        },
        gate: 'tanh-sigmoid',
        residual: 'after-step',
        mel: {
          kind: 'transposed',
          bands: take(`${blocks}.0.mel_conv.conv.weight`).shape[1]!,
          strides,
          sharing: 'per-layer',
        },
      },
      mel: 'tacotron2',
      diffusion: {
        training: { kind: 'linear', steps: hints.diffusionSteps, betaStart: hints.betaStart, betaEnd: hints.betaEnd },
        clamp: false,
      },
      provenance: {
        importedFrom: 'philsyn/DiffWave-Vocoder checkpoint',
        ...(typeof iteration === 'number' ? { trainingSteps: iteration } : {}),
      },
    },
    where,
    'BAD_CHECKPOINT',
  )
  return { config, parameters: checkParameters(config.network, parameters, where) }
}
