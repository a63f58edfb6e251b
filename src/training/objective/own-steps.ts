/**
 * Trains a network on its own steps. Each crop is made from noise of the prior in a few DDIM steps. The output of each
 * step is compared with the recording up to the mel's highest frequency. Only magnitudes are compared, as the network
 * chooses the phases itself. Phases are compared too if the pulses that it starts from lie at those of the recording.
 * Each step is trained by itself: gradients do not flow from one step into the step before it.
 */
import { ddim } from '../../diffusion/samplers/ddim.js'
import type { Sampler } from '../../diffusion/samplers/sampler.js'
import { evenSchedule, noiseSchedule } from '../../diffusion/schedule.js'
import { reverseStep } from '../../diffusion/step.js'
import type { Engine, LossGradients } from '../../engines/engine.js'
import type { ComputeTerms } from '../../engines/loss-kernels.js'
import type { TrainingConfig } from '../config.js'
import { addAll } from '../optimiser/gradients.js'
import type { AudioObjective } from './audio-objective.js'
import type { NoisedBatch } from './noised-batch.js'
import type { ClipLoss } from './spectral-term.js'

/** The part of an engine that losses without gradients need. */
export type ForwardEngine = Pick<Engine, 'predict' | 'spectralTerms'>

/** A batch whose audio is noise of the prior. */
type OwnBatch = Omit<NoisedBatch, 'target' | 'weight' | 'levels' | 'levelWeights' | 'emphases'>

export class OwnSteps {
  readonly #sampler: Sampler
  readonly #weights: readonly number[]
  readonly #objective: AudioObjective
  readonly #limit: number

  /**
   * @param levels the config's `noiseLevels`
   * @param objective compares the audio of each step with the recording
   */
  constructor(
    levels: Extract<TrainingConfig['noiseLevels'], { readonly kind: 'own' }>,
    { diffusion, mel }: Pick<TrainingConfig['model'], 'diffusion' | 'mel'>,
    objective: AudioObjective,
  ) {
    const schedule = evenSchedule(noiseSchedule(diffusion.training), levels.steps)
    this.#sampler = ddim(schedule, { eta: 0, noiseScale: diffusion.noiseScale })
    this.#weights = levels.weights
    this.#objective = objective
    this.#limit = mel?.maxFrequency ?? Number.POSITIVE_INFINITY
  }

  /** Computes the loss of a batch and its gradients with respect to the network's parameters. */
  async differentiate(engine: Engine, batch: OwnBatch): Promise<LossGradients> {
    const clipLosses = new Float32Array(batch.audio.length)
    let total: Map<string, Float32Array> | null = null
    await this.#run(batch, async (audio, step, weight) => {
      let made: readonly Float32Array[] = []
      const gradients = await engine.backward({
        ...conditioned(batch, audio, step),
        gradientOf: async (outputs, kernels) => {
          made = outputs.map(output => output.slice())
          const found = await this.#distances(batch, made, weight / made.length, kernels?.terms)
          return found.map(({ loss, gradient }, i) => {
            clipLosses[i]! += weight * loss
            return new Float32Array(gradient())
          })
        },
      })
      if (total === null) total = new Map(gradients)
      else await addAll(engine.optimiser, total, gradients)
      return made
    })
    const loss = clipLosses.reduce((sum, own) => sum + own, 0) / clipLosses.length
    return { loss, clipLosses, gradients: total ?? new Map() }
  }

  /** Computes the loss of each clip, without gradients. */
  async losses(engine: ForwardEngine, batch: OwnBatch): Promise<Float32Array> {
    const clipLosses = new Float32Array(batch.audio.length)
    await this.#run(batch, async (audio, step, weight) => {
      const made = await engine.predict(conditioned(batch, audio, step))
      const found = await this.#distances(batch, made, 0, engine.spectralTerms)
      found.forEach(({ loss }, i) => {
        clipLosses[i]! += weight * loss
      })
      return made
    })
    return clipLosses
  }

  /** Goes through all steps. `make` computes x̂_0 from x_t at a step. */
  async #run(
    batch: OwnBatch,
    make: (audio: readonly Float32Array[], step: number, weight: number) => Promise<readonly Float32Array[]>,
  ): Promise<void> {
    const sampler = this.#sampler
    let audio = batch.audio
    for (const [pass, step] of sampler.steps.entries()) {
      const made = await make(audio, step, this.#weights[pass]!)
      audio = audio.map((x, i) => {
        const input = { pass, state: { x, carried: null }, output: made[i]!, noise: null }
        return reverseStep({ sampler, prediction: 'x0' }, input).state.x
      })
    }
  }

  /**
   * Computes the loss of each clip.
   *
   * @param weight factor of the gradients
   */
  #distances(
    batch: OwnBatch,
    outputs: readonly Float32Array[],
    weight: number,
    compute: ComputeTerms | undefined,
  ): Promise<readonly ClipLoss[]> {
    const clips = outputs.map((made, i) => {
      const limit = Math.min(this.#limit, batch.limits[i]!)
      return this.#objective.ownStep({ made, clean: batch.clean[i]!, limit }, weight, batch.voiced?.[i] ?? null)
    })
    return this.#objective.losses(clips, compute)
  }
}

/** Makes a request of a batch's conditions with other audio, all at one step. */
function conditioned({ mel, labels, signal }: OwnBatch, audio: readonly Float32Array[], step: number) {
  return {
    audio,
    steps: new Float64Array(audio.length).fill(step),
    ...(mel === undefined ? {} : { mel }),
    ...(labels === undefined ? {} : { labels }),
    ...(signal === undefined ? {} : { signal }),
  }
}
