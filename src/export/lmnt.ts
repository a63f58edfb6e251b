/** Decides which networks the code of lmnt-com/diffwave can run, and writes the `params` of its checkpoints. */
import { noiseSchedule, ownSchedule } from '../diffusion/schedule.js'
import type { TorchInput } from '../formats/pytorch-writer.js'
import type { ModelConfig } from '../model/config.js'
import { isInSubbands } from '../model/diffusion-config.js'
import type { NetworkConfig } from '../model/network.js'

/** The strides of the upsamplers in both reference projects. */
const REFERENCE_STRIDES = [16, 16] as const

/** Whether both reference projects have an upsampler with these strides. */
export function hasReferenceStrides(mel: NetworkConfig['mel']): boolean {
  return mel?.kind === 'transposed' && String(mel.strides) === String(REFERENCE_STRIDES)
}

/** A feature of the model that neither reference project has, for a note; null if there is none. */
export function commonObstacle({ network, diffusion }: ModelConfig): string | null {
  const { patch, frontEnd, inputMask, labels, stepEmbedding } = network
  if (frontEnd !== null) return 'a windowed front end'
  if (patch !== 1) return `patch ${patch}`
  if (inputMask !== null) return 'an input mask'
  if (labels !== null) return 'labels'
  if (stepEmbedding.size !== 128 || stepEmbedding.hidden !== 512) return 'another size of the step embedding'
  if (diffusion.prediction !== 'epsilon') return `${diffusion.prediction}-prediction`
  if (diffusion.prior !== null || isInSubbands(diffusion) || diffusion.signalScale !== 1) {
    return 'a diffusion that does not run on the waveform itself'
  }
  return null
}

/** Why the project's code cannot run a model; null if it can. */
export function lmntObstacle(config: ModelConfig): string | null {
  const { mel, gate, residual, stepEmbedding } = config.network
  const common = commonObstacle(config)
  if (common !== null) return common
  if (stepEmbedding.frequencies !== 'powers-of-ten' || stepEmbedding.fractional !== 'interpolated') {
    return 'other frequencies of the step embedding'
  }
  if (gate !== 'sigmoid-tanh') return 'another order of the gate'
  if (residual !== 'before-step') return 'another residual sum'
  if (mel !== null && (!hasReferenceStrides(mel) || mel.kind !== 'transposed' || mel.sharing !== 'shared')) {
    return 'another mel conditioner'
  }
  return null
}

/** The project's `params` for a model (its src/diffwave/params.py). */
export function lmntParams({ sampleRate, network, mel, diffusion }: ModelConfig): ReadonlyMap<string, TorchInput> {
  const fast = diffusion.defaultSteps === null ? null : ownSchedule(diffusion, diffusion.defaultSteps)
  return new Map<string, TorchInput>([
    ['sample_rate', sampleRate],
    ...(mel === null
      ? []
      : ([
          ['n_mels', mel.bands],
          ['n_fft', mel.fftSize],
          ['hop_samples', mel.hop],
        ] as const)),
    ['residual_layers', network.layers],
    ['residual_channels', network.channels],
    ['dilation_cycle_length', network.dilationCycle],
    ['unconditional', network.mel === null],
    ['noise_schedule', [...noiseSchedule(diffusion.training).beta]],
    ...(fast === null ? [] : ([['inference_noise_schedule', fast.betas]] as const)),
  ])
}
