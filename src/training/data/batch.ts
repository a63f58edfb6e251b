/**
 * Training batches: crops of the recordings with their mels, noised. Everything is a pure function of (seed, draw), so that a
 * resumed run sees the same data.
 */
import { partsOf } from '../../audio/audio-files.js'
import { DiffWaveError } from '../../core/errors.js'
import { gaussian, uniform } from '../../core/random.js'
import { frameDeviations, sampleDeviations } from '../../data-domain/energy.js'
import { emphasis } from '../../data-domain/envelope.js'
import { alphaBarAt, diffuse } from '../../diffusion/forward.js'
import { predictionTarget } from '../../diffusion/prediction.js'
import { type NoiseSchedule, noiseSchedule } from '../../diffusion/schedule.js'
import { audioHop, type ModelConfig } from '../../model/config.js'
import type { TrainingConfig } from '../config.js'
import { levelWeight, stepDrawer } from '../objective/noise-levels.js'
import type { NoisedBatch } from '../objective/objective.js'
import { type Crop, Cropper, cropStarts } from './crop.js'
import type { Clip } from './dataset.js'

/** Uniform numbers that choose one crop: which sample of the data, gain, label dropped. */
const NUMBERS_A_CROP = 4
/** Index from which the silences before short clips are drawn, a number a crop. */
const FIRST_LEAD_IN = 2 ** 19

/** Makes the batches of a training run. */
export class BatchMaker {
  readonly schedule: NoiseSchedule
  readonly cropper: Cropper
  readonly #ends: Float64Array
  readonly #drawSteps

  /** @param model the model, its prior measured */
  constructor(
    private readonly config: TrainingConfig,
    private readonly model: ModelConfig,
    private readonly clips: readonly Clip[],
  ) {
    this.schedule = noiseSchedule(model.diffusion.training)
    this.cropper = new Cropper(model)
    this.#drawSteps = stepDrawer(config, this.schedule)
    let total = 0
    this.#ends = Float64Array.from(clips, clip => {
      total += cropStarts(clip, model, config.data.cropSamples)
      return total
    })
    const labels = model.network.labels
    for (const { name, label } of labels === null ? [] : clips) {
      const unknown = partsOf(label).find(part => !labels!.includes(part.label))?.label
      if (unknown === undefined) continue
      throw new DiffWaveError('BAD_DATA', 'a clip’s label is not one of the model’s', {
        expected: labels!.join(', '),
        got: unknown === '' ? 'none' : unknown,
        where: name,
      })
    }
  }

  /** The batch of a draw: number (update × accumulation + part). */
  batch(draw: number): NoisedBatch & { readonly steps: Float64Array } {
    const { batch, cropSamples, gain: range, labelDropout } = this.config.data
    const { seed } = this.config
    const crops = Array.from({ length: batch }, (_, i) => {
      const number = (k: number) => uniform(seed, draw, i * NUMBERS_A_CROP + k)
      const decibels = range[0] + (range[1] - range[0]) * number(2)
      const { clip, start } = this.#place(number(0), uniform(seed, draw, FIRST_LEAD_IN + i))
      const crop = this.cropper.crop(clip, start, cropSamples, 10 ** (decibels / 20))
      return number(3) < labelDropout ? { ...crop, label: null } : crop
    })
    const steps = this.#drawSteps(seed, draw, batch)
    const noise = crops.map((_, i) => gaussian(seed, draw, i * cropSamples, cropSamples))
    return this.noised(crops, steps, noise)
  }

  /** Crops with noise added: what an engine is asked. @param noise standard normal, one array a crop; changed in place */
  noised(crops: readonly Crop[], steps: Float64Array, noise: readonly Float32Array[]) {
    const { loss, weighting } = this.config
    const { diffusion, mel: convention, network } = this.model
    const levels = Array.from(steps, step => alphaBarAt(this.schedule, step))
    const weights = levels.map((level, i) => {
      const weight = new Float32Array(noise[i]!.length).fill(levelWeight(weighting, diffusion.prediction, level))
      if (diffusion.prior?.kind !== 'mel-energy' || convention === null) return weight
      const sigma = sampleDeviations(
        frameDeviations(diffusion.prior, convention, crops[i]!.mel!),
        convention,
        0,
        weight.length,
      )
      for (let n = 0; n < sigma.length; n++) {
        noise[i]![n]! *= sigma[n]!
        weight[n]! /= loss === 'l1' ? sigma[n]! : sigma[n]! ** 2
      }
      return weight
    })
    const { emphasis: exponent } = this.config
    const { envelope } = this.cropper
    const weighted = diffusion.prior?.kind === 'mel-energy' || weighting.kind !== 'none'
    return {
      audio: crops.map((crop, i) => diffuse(crop.audio, noise[i]!, levels[i]!)),
      target: crops.map((crop, i) => predictionTarget(diffusion.prediction, crop.audio, noise[i]!, levels[i]!)),
      steps,
      levels,
      clean: crops.map(crop => crop.audio),
      loss,
      emphases: crops.map(crop =>
        exponent === 0 || envelope === null ? null : emphasis(crop.mel!, envelope, exponent),
      ),
      ...(weighted ? { weight: weights } : {}),
      ...(network.mel === null ? {} : { mel: crops.map(crop => crop.mel!) }),
      ...(network.labels === null ? {} : { labels: crops.map(crop => crop.label) }),
    }
  }

  /** All places are equally likely; `lead`, 0 … 1, is the share of the silence that may come before a short clip. */
  #place(share: number, lead: number): { clip: Clip; start: number } {
    const at = Math.floor(share * this.#ends.at(-1)!)
    let [low, high] = [0, this.#ends.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ends[middle]! > at) high = middle
      else low = middle + 1
    }
    const clip = this.clips[low]!
    const { cropSamples, leadIn } = this.config.data
    const room = cropSamples - clip.samples.length
    if (room > 0 && leadIn > 0) {
      // Where there are subbands, whole blocks of silence.
      const unit = this.model.diffusion.subbands === null ? 1 : audioHop(this.model)
      return { clip, start: -Math.floor((lead * Math.min(room, leadIn * this.model.sampleRate)) / unit) * unit }
    }
    const before = low === 0 ? 0 : this.#ends[low - 1]!
    return { clip, start: (at - before) * audioHop(this.model) }
  }
}
