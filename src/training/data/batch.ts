/**
 * Makes training batches: crops of the recordings with their mels, and noise added. A batch is a pure function of
 * (seed, draw), so that a resumed run sees the same data.
 */
import { partsOf } from '../../audio/labels.js'
import { readWhole } from '../../audio/mel/feed.js'
import { DiffWaveError } from '../../core/errors.js'
import { gaussian, uniform } from '../../core/random.js'
import { batchIndices } from '../../core/random-streams.js'
import type { ClipPulses, DataDomain } from '../../data-domain/data-domain.js'
import { domainOf } from '../../data-domain/domain-of.js'
import type { Alignment } from '../../data-domain/pulse-alignment.js'
import { diffuse } from '../../diffusion/forward.js'
import { predictionTarget } from '../../diffusion/prediction.js'
import { alphaBarAt, type NoiseSchedule, noiseSchedule } from '../../diffusion/schedule.js'
import type { Engine } from '../../engines/engine.js'
import { audioHop, type ModelConfig } from '../../model/config.js'
import type { TrainingConfig } from '../config.js'
import { levelWeight, stepDrawer } from '../objective/noise-levels.js'
import type { NoisedBatch } from '../objective/noised-batch.js'
import { type Crop, Cropper, cropStarts, labelIndex } from './crop.js'
import type { Clip } from './dataset.js'

/** How many uniform random numbers choose one crop (`batchIndices.crops`). */
const NUMBERS_PER_CROP = 4

/** The pulses of a crop, by how much they are moved, and which of its positions have phases to learn. */
interface PlacedPulses extends Pick<Alignment, 'voiced'>, Partial<Pick<Alignment, 'later'>> {
  readonly pulses: ClipPulses
}

/** Kernels of an engine that speed up the making of batches. */
export type BatchKernels = Pick<Engine, 'gaussian' | 'frontEnd'>

/** Makes the batches of a training run. */
export class BatchMaker {
  readonly schedule: NoiseSchedule
  readonly cropper: Cropper
  readonly #domain: DataDomain
  readonly #ends: Float64Array
  readonly #drawSteps
  readonly #gaussian: typeof gaussian
  readonly #config: TrainingConfig
  readonly #model: ModelConfig
  readonly #clips: readonly Clip[]

  /**
   * @param model the model, with the constants that were measured on the recordings
   * @param kernels the engine's kernels. Default: none. The bytes are the same with and without them.
   */
  constructor(config: TrainingConfig, model: ModelConfig, clips: readonly Clip[], kernels: BatchKernels = {}) {
    this.#gaussian = kernels.gaussian ?? gaussian
    this.#config = config
    this.#model = model
    this.#clips = clips
    this.schedule = noiseSchedule(model.diffusion.training)
    this.#domain = domainOf(model, kernels.frontEnd)
    this.cropper = new Cropper(model, this.#domain)
    this.#drawSteps = stepDrawer(config, this.schedule)
    let total = 0
    this.#ends = Float64Array.from(clips, clip => {
      total += cropStarts(clip, model, config.data.cropSamples)
      return total
    })
    const labels = model.network.labels
    for (const { name, label } of labels === null ? [] : clips) {
      const unknown = partsOf(label).find(part => labelIndex(labels!, part.label) < 0)?.label
      if (unknown === undefined) continue
      throw new DiffWaveError('BAD_DATA', 'a clip’s label is not one of the model’s', {
        expected: labels!.join(', '),
        got: unknown === '' ? 'none' : unknown,
        where: name,
        hint: 'A label is the second column of metadata.csv in the data folder, else the name of the clip’s folder.',
      })
    }
  }

  /** Makes the batch of a draw. The draw's number is update × accumulation + part. */
  batch(draw: number): NoisedBatch & { readonly steps: Float64Array } {
    const { batch, cropSamples, gain: range, labelDropout } = this.#config.data
    const { seed } = this.#config
    const crops = Array.from({ length: batch }, (_, i) => {
      const number = (k: number) => uniform(seed, draw, batchIndices.crops + i * NUMBERS_PER_CROP + k)
      const decibels = range[0] + (range[1] - range[0]) * number(2)
      const { clip, start } = this.#place(number(0), uniform(seed, draw, batchIndices.leadIns + i))
      const crop = this.cropper.crop(clip, start, cropSamples, 10 ** (decibels / 20))
      return number(3) < labelDropout ? { ...crop, label: null } : crop
    })
    const steps = this.#drawSteps(seed, draw, batch)
    const noise = crops.map((_, i) => this.#gaussian(seed, draw, i * cropSamples, cropSamples))
    return this.noised(crops, steps, noise)
  }

  /**
   * Adds noise to crops, and makes the request to the engine.
   *
   * @param white standard normal numbers, one array per crop
   */
  noised(crops: readonly Crop[], steps: Float64Array, white: readonly Float32Array[]) {
    const { noiseLevels, pulses, emphasis: exponent } = this.#config
    const { diffusion, network } = this.#model
    const levels = Array.from(steps, step => alphaBarAt(this.schedule, step))
    const domain = this.#domain
    const placed = pulses === 'free' ? null : crops.map((crop, i) => this.#placedPulses(crop, i))
    const noise = crops.map((crop, i) => this.#noise(crop, white[i]!, placed?.[i] ?? null))
    return {
      // Own steps start where a synthesis starts.
      audio: noiseLevels.kind === 'own' ? noise : crops.map((crop, i) => diffuse(crop.audio, noise[i]!, levels[i]!)),
      target: crops.map((crop, i) => predictionTarget(diffusion.prediction, crop.audio, noise[i]!, levels[i]!)),
      steps,
      levels,
      clean: crops.map(crop => crop.audio),
      limits: crops.map(crop => crop.limit),
      ...this.#weights(crops, levels),
      ...(placed === null ? {} : { voiced: placed.map(({ voiced }) => voiced) }),
      emphases: crops.map(({ mel }) => (exponent === 0 ? null : domain.emphasis(mel, exponent))),
      ...(network.mel === null ? {} : { mel: crops.map(crop => crop.mel!) }),
      ...(network.labels === null ? {} : { labels: crops.map(crop => crop.label) }),
    }
  }

  /** The noise of a crop: that of the data domain, or what a synthesis would start from. */
  #noise({ mel }: Crop, white: Float32Array, placed: PlacedPulses | null): Float32Array {
    const domain = this.#domain
    const { length } = white
    const reader = mel === null ? null : readWhole(mel)
    // In a noised recording, pulses elsewhere than its own would teach the network to remove them.
    const freely = () =>
      this.#config.noiseLevels.kind === 'own' ? domain.start(reader, { length }) : domain.noise(reader, { length })
    const shape = placed === null ? freely() : placed.pulses.start(length, placed.later)
    return shape((start, count) => white.subarray(start, start + count), 0, length)
  }

  /** Weights of the losses of crops: one number per crop and, unless all are 1, one per sample. */
  #weights(crops: readonly Crop[], levels: readonly number[]) {
    const { weighting, loss } = this.#config
    // The time-frequency loss takes the weight of the level as one number per clip, not per sample.
    const perSample = loss !== 'time-frequency'
    const levelWeights = levels.map(level => levelWeight(weighting, this.#model.diffusion.prediction, level))
    const own = crops.map(({ mel, audio }, i) =>
      this.#domain.lossWeight(mel, audio.length, perSample ? loss : 'l2', levelWeights[i]!),
    )
    if (!perSample || (weighting.kind === 'none' && own.every(weight => weight === null))) return { levelWeights }
    const weight = crops.map(({ audio }, i) => own[i] ?? new Float32Array(audio.length).fill(levelWeights[i]!))
    return { levelWeights, weight }
  }

  /**
   * Places the pulses of a crop.
   *
   * @param number index of the crop in its batch: with `mixed`, every second crop keeps its pulses where the mel puts
   * them
   */
  #placedPulses({ audio, mel }: Crop, number: number): PlacedPulses {
    const pulses = this.#domain.pulsesOf!(mel!)
    if (this.#config.pulses === 'recorded' || number % 2 === 0) return { pulses, ...pulses.align(audio) }
    return { pulses, voiced: new Uint8Array(audio.length / this.#model.network.frontEnd!.stride) }
  }

  /**
   * Chooses a clip and the start of a crop in it. All places are equally likely.
   *
   * @param share uniform number, 0 to 1, that chooses the place
   * @param lead uniform number, 0 to 1: the share of the longest possible silence before a clip that is shorter than a
   * crop
   */
  #place(share: number, lead: number): { clip: Clip; start: number } {
    const at = Math.floor(share * this.#ends.at(-1)!)
    let [low, high] = [0, this.#ends.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ends[middle]! > at) high = middle
      else low = middle + 1
    }
    const clip = this.#clips[low]!
    const { cropSamples, leadIn } = this.#config.data
    const room = cropSamples - clip.samples.length
    if (room > 0 && leadIn > 0) {
      const unit = this.#domain.block
      return { clip, start: -Math.floor((lead * Math.min(room, leadIn * this.#model.sampleRate)) / unit) * unit }
    }
    const before = low === 0 ? 0 : this.#ends[low - 1]!
    return { clip, start: (at - before) * audioHop(this.#model) }
  }
}
