/**
 * A small classifier of clips by label: one hidden layer with ReLU over modulation features, softmax, cross-entropy,
 * stochastic gradient descent with momentum and weight decay. It is trained from the training clips in seconds; the
 * same clips and seed lead to the same weights.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { gaussian, permutation } from '../../core/random.js'
import { draws } from '../../core/random-streams.js'
import { spread } from '../statistics/moments.js'

const HIDDEN = 96
const EPOCHS = 30
const BATCH = 16
const RATE = 0.02
const MOMENTUM = 0.9
const DECAY = 2e-4
/**
 * Deviation of the noise added to the standardised features in training: generated clips differ slightly from real
 * ones.
 */
const NOISE = 0.6

export interface Example {
  readonly features: Float64Array
  /** The label's index. */
  readonly label: number
}

/** A linear layer with `[outputs × inputs]` weights and the velocities of its momentum. */
class Layer {
  readonly weights: Float64Array
  readonly bias: Float64Array
  readonly #weightVelocity: Float64Array
  readonly #biasVelocity: Float64Array
  readonly weightGradient: Float64Array
  readonly biasGradient: Float64Array

  constructor(
    readonly inputs: number,
    readonly outputs: number,
    draw: number,
    seed: number,
  ) {
    const scale = Math.sqrt(2 / inputs)
    this.weights = Float64Array.from(gaussian(seed, draw, 0, inputs * outputs), x => x * scale)
    this.bias = new Float64Array(outputs)
    this.#weightVelocity = new Float64Array(inputs * outputs)
    this.#biasVelocity = new Float64Array(outputs)
    this.weightGradient = new Float64Array(inputs * outputs)
    this.biasGradient = new Float64Array(outputs)
  }

  /** Writes W·input + b to `out`. */
  forward(input: Float64Array, out: Float64Array): void {
    for (let o = 0; o < this.outputs; o++) {
      let sum = this.bias[o]!
      for (let i = 0; i < this.inputs; i++) sum += this.weights[o * this.inputs + i]! * input[i]!
      out[o] = sum
    }
  }

  /** Adds to the gradients of weights and bias, and writes that of the input to `below` unless it is null. */
  backward(input: Float64Array, gradient: Float64Array, below: Float64Array | null): void {
    below?.fill(0)
    for (let o = 0; o < this.outputs; o++) {
      const g = gradient[o]!
      if (g === 0) continue
      this.biasGradient[o]! += g
      for (let i = 0; i < this.inputs; i++) {
        this.weightGradient[o * this.inputs + i]! += g * input[i]!
        if (below !== null) below[i]! += g * this.weights[o * this.inputs + i]!
      }
    }
  }

  /** One update with the mean gradient of `count` examples, which is then reset. */
  descend(rate: number, count: number): void {
    for (const [values, velocity, gradient, decay] of [
      [this.weights, this.#weightVelocity, this.weightGradient, DECAY],
      [this.bias, this.#biasVelocity, this.biasGradient, 0],
    ] as const) {
      for (let i = 0; i < values.length; i++) {
        velocity[i] = MOMENTUM * velocity[i]! - rate * (gradient[i]! / count + decay * values[i]!)
        values[i]! += velocity[i]!
        gradient[i] = 0
      }
    }
  }
}

/** Mean and deviation of each feature, by which features are standardised. */
interface Standard {
  readonly mean: Float64Array
  readonly deviation: Float64Array
}

function standardOf(examples: readonly Example[]): Standard {
  const spreads = Array.from(examples[0]!.features, (_, i) => spread(examples.map(({ features }) => features[i]!)))
  return {
    mean: Float64Array.from(spreads, ({ mean }) => mean),
    // A constant feature is only shifted.
    deviation: Float64Array.from(spreads, ({ deviation }) => deviation || 1),
  }
}

export class Classifier {
  readonly labels: readonly string[]
  readonly #standard: Standard
  readonly #first: Layer
  readonly #second: Layer

  private constructor(labels: readonly string[], standard: Standard, first: Layer, second: Layer) {
    this.labels = labels
    this.#standard = standard
    this.#first = first
    this.#second = second
  }

  /** @param examples at least one for each label */
  static async train(
    examples: readonly Example[],
    labels: readonly string[],
    options: { readonly seed: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Classifier> {
    const { seed, signal } = options
    const size = examples[0]!.features.length
    const first = new Layer(size, HIDDEN, draws.classifierWeights, seed)
    const second = new Layer(HIDDEN, labels.length, draws.classifierWeights + 1, seed)
    const classifier = new Classifier(labels, standardOf(examples), first, second)
    const hiddenGradient = new Float64Array(HIDDEN)
    const updates = EPOCHS * Math.ceil(examples.length / BATCH)
    for (let epoch = 0, update = 0; epoch < EPOCHS; epoch++) {
      const order = permutation(seed, draws.classifierOrder + epoch, examples.length)
      for (let start = 0; start < order.length; start += BATCH, update++) {
        const batch = order.subarray(start, start + BATCH)
        for (const index of batch) {
          const { features, label } = examples[index]!
          const input = classifier.#standardised(features)
          const noise = gaussian(seed, epoch, index * size, size)
          for (let i = 0; i < size; i++) input[i]! += NOISE * noise[i]!
          const { hidden, probabilities } = classifier.#forward(input)
          probabilities[label]! -= 1
          second.backward(hidden, probabilities, hiddenGradient)
          for (let i = 0; i < HIDDEN; i++) if (hidden[i] === 0) hiddenGradient[i] = 0
          first.backward(input, hiddenGradient, null)
        }
        const rate = RATE * 0.5 * (1 + Math.cos((Math.PI * update) / updates))
        first.descend(rate, batch.length)
        second.descend(rate, batch.length)
        if (update % 8 === 0) {
          await setImmediate()
          throwIfAborted(signal)
        }
      }
    }
    return classifier
  }

  /** Index of the most probable label. */
  classify(features: Float64Array): number {
    const { probabilities } = this.#forward(this.#standardised(features))
    return probabilities.indexOf(Math.max(...probabilities))
  }

  #standardised(features: Float64Array): Float64Array {
    return features.map((x, i) => (x - this.#standard.mean[i]!) / this.#standard.deviation[i]!)
  }

  #forward(input: Float64Array): { hidden: Float64Array; probabilities: Float64Array } {
    const hidden = new Float64Array(HIDDEN)
    this.#first.forward(input, hidden)
    for (let i = 0; i < HIDDEN; i++) hidden[i] = Math.max(0, hidden[i]!)
    const probabilities = new Float64Array(this.labels.length)
    this.#second.forward(hidden, probabilities)
    const max = Math.max(...probabilities)
    let sum = 0
    for (let i = 0; i < probabilities.length; i++) {
      probabilities[i] = Math.exp(probabilities[i]! - max)
      sum += probabilities[i]!
    }
    for (let i = 0; i < probabilities.length; i++) probabilities[i]! /= sum
    return { hidden, probabilities }
  }
}
