/** Answers the tasks of one engine with TensorFlow.js. worker.ts runs it in a thread. */
import tf = require('@tensorflow/tfjs-core')

import { concatenateAudio } from '../../core/concatenate.js'
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
    const epsilon = tf.tidy(() => {
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
      return predict(this.#network, this.#current, input, undefined, betweenLayers)
    })
    const data = epsilon.dataSync() as Float32Array
    epsilon.dispose()
    return data
  }

  /** Computes the gradients of clips of equal length in one graph. @param indices of the clips in the request */
  #groupGradients(
    request: LossWork,
    indices: readonly number[],
    totalSamples: number,
    clipLosses: Float32Array,
    gradients: ReadonlyMap<string, Float32Array>,
    betweenLayers: BetweenLayers,
  ): number {
    const pick = <T>(items: ArrayLike<T>): T[] => indices.map(i => items[i]!)
    const clips = indices.length
    const samples = request.audio[indices[0]!]!.length
    const names = Object.keys(this.#current)
    return tf.tidy(() => {
      const mels = request.mel === undefined ? null : pick(request.mel)
      const input: NetworkInput = {
        audio: tf.tensor2d(concatenateAudio(pick(request.audio)), [clips, samples]),
        sinusoids: this.#sinusoids(pick(request.steps)),
        gains: this.#gains(pick(request.steps)),
        labels: this.#oneHot(request.labels === undefined ? indices.map(() => null) : pick(request.labels)),
        mel:
          mels === null
            ? null
            : {
                frames: tf.tensor3d(concatenateAudio(mels.map(mel => mel.data)), [
                  clips,
                  mels[0]!.bands,
                  mels[0]!.frames,
                ]),
                firstSample: 0,
              },
        deviations: request.deviations === null ? null : this.#perPosition(pick(request.deviations)),
      }
      const target = tf.tensor2d(concatenateAudio(pick(request.target)), [clips, samples])
      const weight =
        request.weight === undefined ? null : tf.tensor2d(concatenateAudio(pick(request.weight)), [clips, samples])
      const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
        const parameters: ParameterTensors = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
        const difference = tf.sub(predict(this.#network, parameters, input, undefined, betweenLayers), target)
        const plain = request.loss === 'l1' ? tf.abs(difference) : tf.mul(difference, difference)
        const terms = weight === null ? plain : tf.mul(plain, weight)
        const perClip = tf.sum(terms, 1)
        const sums = perClip.dataSync()
        indices.forEach((index, i) => {
          clipLosses[index] = sums[i]! / samples
        })
        return tf.div(tf.sum(perClip), totalSamples) as tf.Scalar
      })(names.map(name => this.#current[name]!))
      names.forEach((name, i) => {
        const sum = gradients.get(name)!
        const part = grads[i]!.dataSync()
        for (let k = 0; k < sum.length; k++) sum[k]! += part[k]!
      })
      return value.dataSync()[0]!
    })
  }

  #lossGradients(request: LossWork, stop: StopFlag | null): LossGradients {
    const groups = new Map<string, number[]>()
    request.audio.forEach((audio, i) => {
      const key = `${audio.length} ${request.mel?.[i]?.frames ?? 0}`
      groups.set(key, [...(groups.get(key) ?? []), i])
    })
    const totalSamples = request.audio.reduce((sum, audio) => sum + audio.length, 0)
    const clipLosses = new Float32Array(request.audio.length)
    const gradients = new Map(
      Object.entries(this.#current).map(([name, tensor]) => [name, new Float32Array(tensor.size)]),
    )
    let loss = 0
    try {
      for (const indices of groups.values()) {
        loss += this.#groupGradients(request, indices, totalSamples, clipLosses, gradients, stoppable(stop))
      }
    } catch (error) {
      freeKept()
      throw error
    }
    return { loss, clipLosses, gradients }
  }

  perform(task: WorkerTask, stop: StopFlag | null): WorkerResult {
    throwIfStopped(stop)
    switch (task.kind) {
      case 'window':
        return { kind: 'window', epsilon: this.#predictWindow(task.request, stop) }
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
