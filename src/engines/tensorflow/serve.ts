/** Answers the tasks of one engine with TensorFlow.js. worker.ts runs it in a thread. */
import tf = require('@tensorflow/tfjs-core')

import { concatenateAudio } from '../../core/concatenate.js'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { type SentError, sentError } from '../../core/sent-error.js'
import { firstLine } from '../../core/system-code.js'
import type { Tensors } from '../../core/tensor.js'
import type { NetworkConfig } from '../../model/network.js'
import { outputGain } from '../../model/output-gain.js'
import { stepSinusoids } from '../../model/step-embedding.js'
import type { LossGradients } from '../engine.js'
import type { WindowRequest } from '../windowed/windows.js'
import { startBackend } from './backend.js'
import type { LossWork, WorkerMessage, WorkerReply, WorkerResult, WorkerStart, WorkerTask } from './messages.js'
import { type BetweenLayers, predict } from './network.js'
import type { NetworkInput, ParameterTensors } from './network-input.js'
import { type StopFlag, throwIfStopped } from './stop-flag.js'
import { freeKept, stoppable } from './stoppable.js'

/** Where tasks come from and answers go to. */
export interface TaskPort {
  on(event: 'message', listener: (message: WorkerMessage) => void): unknown
  postMessage(reply: WorkerReply): void
}

/** The loss and the gradients of a batch so far. */
interface LossSums {
  /** Number of samples of the whole batch. */
  readonly samples: number
  loss: number
  readonly clipLosses: Float32Array
  readonly gradients: ReadonlyMap<string, Float32Array>
}

/** Some clips of a batch, as a batch. */
function someClips(work: LossWork, indices: readonly number[]): LossWork {
  const pick = <T>(items: ArrayLike<T>): T[] => indices.map(i => items[i]!)
  const { audio, steps, target, loss, mel, labels, weight, deviations } = work
  return {
    audio: pick(audio),
    steps: pick(steps),
    target: pick(target),
    loss,
    ...defined({ mel: mel && pick(mel), labels: labels && pick(labels), weight: weight && pick(weight) }),
    deviations: deviations && pick(deviations),
  }
}

/** An engine's network in TensorFlow.js. */
class ServedNetwork {
  readonly #network: NetworkConfig
  #current: Record<string, tf.Tensor> = {}

  constructor(network: NetworkConfig) {
    this.#network = network
  }

  setParameters(tensors: Tensors): void {
    tf.dispose(this.#current)
    this.#current = {}
    for (const [name, { data, shape }] of tensors) this.#current[name] = tf.tensor(data, [...shape])
  }

  #oneHot(labels: readonly (number | null)[]): tf.Tensor2D | null {
    if (this.#network.labels === null) return null
    const rows = this.#network.labels.length + 1
    const data = new Float32Array(labels.length * rows)
    // The last row stands for “no label”.
    labels.forEach((label, i) => {
      data[i * rows + (label ?? rows - 1)] = 1
    })
    return tf.tensor2d(data, [labels.length, rows])
  }

  #sinusoids(steps: ArrayLike<number>): tf.Tensor2D {
    return tf.tensor2d(stepSinusoids(this.#network.stepEmbedding, steps), [
      steps.length,
      this.#network.stepEmbedding.size,
    ])
  }

  #gains(steps: readonly number[]): tf.Tensor2D | null {
    if (this.#network.inputMask === null) return null
    return tf.tensor2d(
      steps.map(step => outputGain(this.#network, step)),
      [steps.length, 1],
    )
  }

  /** The envelopes of a batch as one tensor, `[B, positions, bins]`. */
  #perPosition(deviations: readonly Float32Array[]): tf.Tensor3D {
    const { bins } = this.#network.frontEnd!
    return tf.tensor3d(concatenateAudio(deviations), [deviations.length, deviations[0]!.length / bins, bins])
  }

  #predictWindow({ audio, step, label, mel, deviations }: WindowRequest, stop: StopFlag | null): Float32Array {
    const betweenLayers: BetweenLayers = x => {
      throwIfStopped(stop)
      return x
    }
    const output = tf.tidy(() => {
      const input: NetworkInput = {
        audio: tf.tensor2d(audio, [1, audio.length]),
        sinusoids: this.#sinusoids([step]),
        gains: this.#gains([step]),
        labels: this.#oneHot([label]),
        mel:
          mel === null
            ? null
            : { frames: tf.tensor3d(mel.data, [1, mel.bands, mel.frames]), firstSample: mel.firstSample },
        deviations: deviations === null ? null : this.#perPosition([deviations]),
      }
      return predict(this.#network, this.#current, input, { betweenLayers })
    })
    const data = output.dataSync() as Float32Array
    output.dispose()
    return data
  }

  #batchInput({ audio, steps, mel, labels, deviations }: LossWork): NetworkInput {
    const clips = audio.length
    return {
      audio: tf.tensor2d(concatenateAudio(audio), [clips, audio[0]!.length]),
      sinusoids: this.#sinusoids(steps),
      gains: this.#gains(Array.from(steps)),
      labels: this.#oneHot(labels ?? audio.map(() => null)),
      mel:
        mel === undefined
          ? null
          : {
              frames: tf.tensor3d(concatenateAudio(mel.map(({ data }) => data)), [
                clips,
                mel[0]!.bands,
                mel[0]!.frames,
              ]),
              firstSample: 0,
            },
      deviations: deviations === null ? null : this.#perPosition(deviations),
    }
  }

  /**
   * Computes the loss and the gradients of clips of equal length in one graph, and adds them to `sums`.
   *
   * @param indices of the clips in the whole batch
   */
  #addGradients(clips: LossWork, indices: readonly number[], sums: LossSums, betweenLayers: BetweenLayers): void {
    const samples = clips.audio[0]!.length
    const names = Object.keys(this.#current)
    const rows = (arrays: readonly Float32Array[]) => tf.tensor2d(concatenateAudio(arrays), [arrays.length, samples])
    // Nothing is returned from `tidy`, which would look for tensors among all numbers.
    tf.tidy(() => {
      const input = this.#batchInput(clips)
      const target = rows(clips.target)
      const weight = clips.weight === undefined ? null : rows(clips.weight)
      const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
        const parameters: ParameterTensors = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
        const difference = tf.sub(predict(this.#network, parameters, input, { betweenLayers }), target)
        const plain = clips.loss === 'l1' ? tf.abs(difference) : tf.mul(difference, difference)
        const perClip = tf.sum(weight === null ? plain : tf.mul(plain, weight), 1)
        for (const [i, sum] of perClip.dataSync().entries()) sums.clipLosses[indices[i]!] = sum / samples
        return tf.div(tf.sum(perClip), sums.samples) as tf.Scalar
      })(names.map(name => this.#current[name]!))
      for (const [i, name] of names.entries()) {
        const sum = sums.gradients.get(name)!
        const part = grads[i]!.dataSync()
        for (let k = 0; k < sum.length; k++) sum[k]! += part[k]!
      }
      sums.loss += value.dataSync()[0]!
    })
  }

  #lossGradients(request: LossWork, stop: StopFlag | null): LossGradients {
    const groups = new Map<string, number[]>()
    request.audio.forEach((audio, i) => {
      const key = `${audio.length} ${request.mel?.[i]?.frames ?? 0}`
      groups.set(key, [...(groups.get(key) ?? []), i])
    })
    const sums: LossSums = {
      samples: request.audio.reduce((sum, audio) => sum + audio.length, 0),
      loss: 0,
      clipLosses: new Float32Array(request.audio.length),
      gradients: new Map(Object.entries(this.#current).map(([name, tensor]) => [name, new Float32Array(tensor.size)])),
    }
    try {
      for (const indices of groups.values()) {
        this.#addGradients(someClips(request, indices), indices, sums, stoppable(stop))
      }
    } catch (error) {
      freeKept()
      throw error
    }
    const { loss, clipLosses, gradients } = sums
    return { loss, clipLosses, gradients }
  }

  perform(task: WorkerTask, stop: StopFlag | null): WorkerResult {
    throwIfStopped(stop)
    switch (task.kind) {
      case 'window':
        return { kind: 'window', output: this.#predictWindow(task.request, stop) }
      case 'loss':
        return { kind: 'loss', result: this.#lossGradients(task.request, stop) }
      case 'parameters':
        this.setParameters(task.parameters)
        return { kind: 'parameters' }
      case 'memory':
        return { kind: 'memory', tensors: tf.memory().numTensors }
    }
  }
}

function failure(error: unknown): SentError {
  if (error instanceof DiffWaveError) return sentError(error)
  return sentError(new DiffWaveError('ENGINE_FAILED', `TensorFlow.js failed: ${firstLine(error)}`))
}

/** Starts a backend, and then answers tasks. The first answer says whether it has started. */
export async function serve(port: TaskPort, { backend, network, parameters }: WorkerStart): Promise<void> {
  const served = new ServedNetwork(network)
  try {
    await startBackend(backend)
    served.setParameters(parameters)
  } catch (error) {
    port.postMessage({ id: 0, failure: failure(error) })
    return
  }
  port.on('message', ({ id, task, stop }: WorkerMessage) => {
    try {
      port.postMessage({ id, result: served.perform(task, stop) })
    } catch (error) {
      port.postMessage({ id, failure: failure(error) })
    }
  })
  port.postMessage({ id: 0, result: { kind: 'parameters' } })
}
