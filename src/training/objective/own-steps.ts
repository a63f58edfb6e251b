/**
 * Training on the network's own steps: each crop is made from noise of the prior in a few DDIM steps, and what each
 * step makes is compared with the recording up to the mel's highest frequency: by magnitudes alone, since the phases
 * are the network's own, or also by phases if the pulses it starts from stand where the recording's do. Each step is
 * trained for itself: gradients do not flow from one into the one before.
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

/** What losses without gradients take of an engine. */
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
   * @param objective what each step's audio is compared by
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

  /** Loss and gradients of a batch by the network's parameters. */
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

  /** The loss of each clip, without gradients. */
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

  /** Goes through all steps; `make` returns x̂_0 of x_t at a step. */
  async #run(
    batch: OwnBatch,
    make: (audio: readonly Float32Array[], step: number, weight: number) => Promise<readonly Float32Array[]>,
  ): Promise<void> {
    const sampler = this.#sampler
    let audio = batch.audio
    for (const [pass, step] of sampler.steps.entries()) {
      const made = await make(audio, step, this.#weights[pass]!)
      audio = audio.map(
        (x, i) => reverseStep({ sampler, prediction: 'x0' }, pass, { x, carried: null }, made[i]!, null).state.x,
      )
    }
  }

  /** Of each clip. @param weight of the gradients */
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

/** A batch with other audio, all at one step. */
function conditioned({ mel, labels, signal }: OwnBatch, audio: readonly Float32Array[], step: number) {
  return {
    audio,
    steps: new Float64Array(audio.length).fill(step),
    ...(mel === undefined ? {} : { mel }),
    ...(labels === undefined ? {} : { labels }),
    ...(signal === undefined ? {} : { signal }),
  }
}
