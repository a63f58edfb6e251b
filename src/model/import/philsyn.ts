/**
 * Import of philsyn/DiffWave-Vocoder checkpoints: a `.pkl` of torch.save with `model_state_dict`, and a `config.json`
 * beside it. The network differs from lmnt's in four ways, which become config: embedding frequencies, the order of the
 * gate, the residual sum, and an upsampler a layer. Weight normalisation is folded; the separate residual and skip
 * convolutions become one output projection.
 */
import { z } from 'zod'
import { type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import { DiffWaveError } from '../../core/errors.js'
import { check } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import type { TorchValue } from '../../formats/torch-pickle.js'
import { modelConfigSchema } from '../config.js'
import { melHop } from '../network.js'
import { checkParameters } from '../parameters.js'
import { checkHintedConvention, type ImportHints } from './hints.js'
import type { ImportedModel } from './model-files.js'

/** What shapes cannot tell. */
export interface PhilsynFacts {
  readonly dilationCycle: number
  readonly diffusionSteps: number
  readonly betaStart: number
  readonly betaEnd: number
}

/** Under what the residual layers' parameters are in that project's state dict. */
export const PHILSYN_BLOCKS = 'residual_layer.residual_blocks'

const configFileSchema = z.object({
  diffusion_config: z.object({ T: z.number().int(), beta_0: z.number(), beta_T: z.number() }),
  wavenet_config: z.object({ dilation_cycle: z.number().int() }),
})

/** The facts in that project's `config.json`. @throws DiffWaveError `BAD_CONFIG` */
export function philsynFacts(json: unknown, where: string): PhilsynFacts {
  const parsed = check(configFileSchema, json, where, 'BAD_CONFIG')
  return {
    dilationCycle: parsed.wavenet_config.dilation_cycle,
    diffusionSteps: parsed.diffusion_config.T,
    betaStart: parsed.diffusion_config.beta_0,
    betaEnd: parsed.diffusion_config.beta_T,
  }
}

/** Two matrices or vectors, one below the other. */
function stack(top: Tensor, bottom: Tensor): Tensor {
  const data = new Float32Array(top.data.length + bottom.data.length)
  data.set(top.data)
  data.set(bottom.data, top.data.length)
  return { shape: [top.shape[0]! + bottom.shape[0]!, ...top.shape.slice(1)], data }
}

/**
 * The model of a network with that project's parameter names.
 *
 * @param source by name, without prefixes and weight norm
 * @param facts from its `config.json`, or given by the user
 * @param context `root`: the whole checkpoint, for its iteration; `hints`: sample rate and convention, if the user gave
 * them
 * @throws DiffWaveError `BAD_CHECKPOINT`, `BAD_PARAMETERS`
 */
export function importPhilsyn(
  source: ReadonlyMap<string, Tensor>,
  facts: PhilsynFacts,
  context: { readonly root: ReadonlyMap<TorchValue, TorchValue>; readonly hints: ImportHints },
  where: string,
): ImportedModel {
  const parameters = renamedFromPhilsyn(source, where)
  const network = networkOf(source, facts, where)
  const { hints } = context
  const convention = conventionOf(hints)
  const sampleRate = hints.sampleRate ?? convention.sampleRate
  const hop = melHop(network.mel)
  checkHintedConvention(hints, { convention, sampleRate, mel: { bands: network.mel.bands, hop } }, where)
  const iteration = context.root.get('iter')
  const config = check(
    modelConfigSchema,
    {
      format: 'diffwave',
      version: 1,
      kind: 'vocoder',
      sampleRate,
      network,
      mel: convention,
      diffusion: {
        training: { kind: 'linear', steps: facts.diffusionSteps, betaStart: facts.betaStart, betaEnd: facts.betaEnd },
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
  return { config, parameters: checkParameters(config.network, parameters, where), notes: [] }
}

/** The architecture, from the shapes of parameters. @throws DiffWaveError `BAD_CHECKPOINT` if one is missing */
function networkOf(source: ReadonlyMap<string, Tensor>, { dilationCycle }: PhilsynFacts, where: string) {
  const take = taker(source, where)
  const [hidden, size] = take('residual_layer.fc_t1.weight').shape
  return {
    channels: take('init_conv.0.conv.bias').shape[0]!,
    layers: layerCount(source),
    dilationCycle,
    stepEmbedding: { frequencies: 'inverse', fractional: 'direct', size: size!, hidden: hidden! },
    gate: 'tanh-sigmoid',
    residual: 'after-step',
    mel: {
      kind: 'transposed',
      bands: take(`${PHILSYN_BLOCKS}.0.mel_conv.conv.weight`).shape[1]!,
      // The kernels of that project's transposed convolutions are twice as long as their strides.
      strides: Array.from({ length: upsamplingCount(source) }, (_, i) =>
        Math.floor(take(`${PHILSYN_BLOCKS}.0.upsample_conv2d.${i}.weight`).shape[3]! / 2),
      ),
      sharing: 'per-layer',
    },
  } as const
}

/** The mel convention that the user names, else tacotron2's, at the user's sample rate. */
function conventionOf(hints: ImportHints): MelConvention {
  const named = namedConventions[hints.convention ?? 'tacotron2']
  const sampleRate = hints.sampleRate ?? named.sampleRate
  if (hints.convention !== undefined || sampleRate === named.sampleRate) return named
  return { ...named, name: 'tacotron2-like', sampleRate, maxFrequency: Math.min(named.maxFrequency, sampleRate / 2) }
}

/** Looks parameters up by name. @throws DiffWaveError `BAD_CHECKPOINT` if one is missing */
function taker(source: ReadonlyMap<string, Tensor>, where: string): (name: string) => Tensor {
  return name => {
    const found = source.get(name)
    if (found === undefined) throw new DiffWaveError('BAD_CHECKPOINT', `the parameter ${name} is missing`, { where })
    return found
  }
}

function layerCount(source: ReadonlyMap<string, Tensor>): number {
  return [...source.keys()].filter(name => /residual_blocks\.\d+\.fc_t\.weight$/.test(name)).length
}

function upsamplingCount(source: ReadonlyMap<string, Tensor>): number {
  let count = 0
  while (source.has(`${PHILSYN_BLOCKS}.0.upsample_conv2d.${count}.weight`)) count++
  return count
}

/**
 * The parameters by our names: residual and skip convolutions become one output projection.
 *
 * @param source by name, without prefixes and weight norm
 * @throws DiffWaveError `BAD_CHECKPOINT` if one is missing
 */
export function renamedFromPhilsyn(source: ReadonlyMap<string, Tensor>, where: string): Map<string, Tensor> {
  const take = taker(source, where)
  const [layers, upsamplings] = [layerCount(source), upsamplingCount(source)]
  const parameters = new Map<string, Tensor>()
  const both = (to: string, from: string) => {
    for (const part of ['weight', 'bias']) parameters.set(`${to}.${part}`, take(`${from}.${part}`))
  }
  both('input_projection', 'init_conv.0.conv')
  both('diffusion_embedding.projection1', 'residual_layer.fc_t1')
  both('diffusion_embedding.projection2', 'residual_layer.fc_t2')
  for (let i = 0; i < layers; i++) {
    const from = `${PHILSYN_BLOCKS}.${i}`
    const to = `residual_layers.${i}`
    both(`${to}.dilated_conv`, `${from}.dilated_conv_layer.conv`)
    both(`${to}.diffusion_projection`, `${from}.fc_t`)
    for (let s = 0; s < upsamplings; s++) {
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
  return parameters
}
