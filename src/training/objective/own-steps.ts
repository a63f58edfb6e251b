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
import type { TrainingConfig } from '../config.js'
import { addGradients } from '../optimiser/gradients.js'
import type { NoisedBatch } from './noised-batch.js'

/**
 * Distance of a step's audio from the recording: adds `weight` × its gradient by `made` to `gradient`.
 *
 * @param voiced positions with voice, if the pulses that the clip starts from stand where the recording's do; else null
 */
export type DistanceOf = (
  made: Float32Array,
  clean: Float32Array,
  limit: number,
  gradient: Float64Array,
  weight: number,
  voiced: Uint8Array | null,
) => number

/** A batch whose audio is noise of the prior. */
type OwnBatch = Omit<NoisedBatch, 'target' | 'weight' | 'levels' | 'levelWeights' | 'emphases'>

export class OwnSteps {
  readonly #sampler: Sampler
  readonly #weights: readonly number[]
  readonly #distance: DistanceOf
  readonly #limit: number

  /**
   * @param levels the config's `noiseLevels`
   * @param distance with its factor in the loss
   */
  constructor(
    levels: Extract<TrainingConfig['noiseLevels'], { readonly kind: 'own' }>,
    { diffusion, mel }: Pick<TrainingConfig['model'], 'diffusion' | 'mel'>,
    distance: DistanceOf,
  ) {
    const schedule = evenSchedule(noiseSchedule(diffusion.training), levels.steps)
    this.#sampler = ddim(schedule, { eta: 0, noiseScale: diffusion.noiseScale })
    this.#weights = levels.weights
    this.#distance = distance
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
        gradientOf: outputs => {
          made = outputs.map(output => output.slice())
          return made.map((output, i) => {
            const gradient = new Float64Array(output.length)
            const share = weight / made.length
            const distance = this.#distanceOf(batch, i, output, gradient, share)
            clipLosses[i]! += weight * distance
            return Float32Array.from(gradient)
          })
        },
      })
      if (total === null) total = new Map(gradients)
      else addGradients(total, gradients)
      return made
    })
    const loss = clipLosses.reduce((sum, own) => sum + own, 0) / clipLosses.length
    return { loss, clipLosses, gradients: total ?? new Map() }
  }

  /** The loss of each clip, without gradients. */
  async losses(engine: Pick<Engine, 'predict'>, batch: OwnBatch): Promise<Float32Array> {
    const clipLosses = new Float32Array(batch.audio.length)
    await this.#run(batch, async (audio, step, weight) => {
      const made = await engine.predict(conditioned(batch, audio, step))
      made.forEach((output, i) => {
        const gradient = new Float64Array(output.length)
        clipLosses[i]! += weight * this.#distanceOf(batch, i, output, gradient, 0)
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

  #distanceOf(batch: OwnBatch, i: number, made: Float32Array, gradient: Float64Array, weight: number): number {
    const limit = Math.min(this.#limit, batch.limits[i]!)
    return this.#distance(made, batch.clean[i]!, limit, gradient, weight, batch.voiced?.[i] ?? null)
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
