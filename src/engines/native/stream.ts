/**
 * A stream of one clip on the addon (native/inference/stream.h). The arguments are checked here; the state and the
 * computation are in the addon.
 */
import type { Mel } from '../../audio/mel/convention.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { EnvelopeStream, FrontEndEnvelope } from '../../model/front-end/envelope.js'
import { type NetworkConfig, positionSamples } from '../../model/network.js'
import { outputGain } from '../../model/output-gain.js'
import { stepSinusoids } from '../../model/step-embedding.js'
import { checkLabel, checkMelCovers, checkNetworkMel, checkPass, checkPiece, checkStreamSteps } from '../check-batch.js'
import type { NoiseStream, StreamRequest } from '../engine.js'
import type { Latency } from '../modes.js'
import { snapshot, snapshotMel } from '../snapshot.js'
import { streamLag } from '../streaming.js'
import type { Handle, KernelAddon, MelWork, StreamHandle } from './addon.js'
import type { NativeQueue } from './queue.js'
import type { StreamQueue } from './stream-queue.js'

/** All parameters in one array, with a number that changes whenever they do. */
export interface Parameters {
  readonly data: Float32Array
  readonly version: number
}

/** What a stream needs from its engine. */
export interface StreamHost {
  readonly network: NetworkConfig
  readonly latency: Latency
  /** The envelope of the network's front end; null if it has none. */
  readonly envelope: FrontEndEnvelope | null
  readonly addon: KernelAddon
  readonly handle: Handle
  readonly queue: NativeQueue
  readonly streams: StreamQueue
  /** The parameters when the stream is opened. It keeps them to its end. */
  readonly parameters: Parameters
}

export class NativeStream implements NoiseStream {
  readonly latency: number
  readonly #stream: StreamHandle
  readonly #passes: { fed: number; ended: boolean }[]
  /** Mel frames that the addon has not got yet. */
  #mels: MelWork[] = []
  readonly #envelope: EnvelopeStream | null
  #frames = 0
  #melEnded: boolean
  #disposed = false

  readonly #host: StreamHost

  constructor(host: StreamHost, request: StreamRequest) {
    this.#host = host
    const { network, addon, handle } = host
    checkStreamSteps(request)
    const { steps, label = null } = request
    checkLabel(network, label)
    this.#envelope = host.envelope?.stream() ?? null
    this.latency = streamLag(network, host.latency) * positionSamples(network)
    this.#passes = steps.map(() => ({ fed: 0, ended: false }))
    this.#melEnded = network.mel === null
    const gains = Float32Array.from(steps, step => outputGain(network, step))
    this.#stream = addon.openStream(handle, stepSinusoids(network.stepEmbedding, steps), gains, label ?? -1)
  }

  pushMel(mel: Mel, last: boolean): void {
    this.#checkAlive()
    const own = snapshotMel(mel)
    checkNetworkMel(this.#host.network, own)
    if (this.#melEnded) throw new DiffWaveError('BAD_SHAPE', 'mel frames come after the last')
    this.#mels.push({ data: own.data, frames: own.frames, last, deviations: this.#envelope?.push(own, last) })
    this.#frames += own.frames
    this.#melEnded = last
  }

  /** If a call is stopped midway, the stream is disposed of, because it is unknown how much of the call was done. */
  async predict(pass: number, samples: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    this.#checkAlive()
    throwIfAborted(signal)
    const { network, streams, parameters } = this.#host
    const audio = snapshot(samples)
    const state = checkPass(this.#passes, pass)
    checkPiece(network, audio)
    checkMelCovers(network, state.fed + audio.length, this.#frames, this.#melEnded)
    const prediction = new Float32Array(audio.length + Math.min(this.latency, state.fed))
    state.fed += audio.length
    state.ended = last
    if (state.fed === 0) return prediction
    const mels = this.#mels
    this.#mels = []
    const { data, version } = parameters
    const feeding = { parameters: data, version, mels, pass, audio, last, prediction }
    try {
      const written = await streams.feed(this.#stream, feeding, signal, () => this.#checkAlive())
      return prediction.subarray(0, written)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  #checkAlive(): void {
    this.#host.queue.checkAlive()
    if (this.#disposed) throw new DiffWaveError('DISPOSED', 'the stream was disposed')
  }

  /** Frees the memory after running work has ended. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#mels = []
    const { queue, addon, handle } = this.#host
    void queue.after(() => addon.closeStream(handle, this.#stream))
  }
}
