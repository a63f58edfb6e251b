/**
 * A stream for any engine that can run a window: one clip in several passes, window by window. Audio and mel are kept
 * only as long as a window still reads them.
 */
import type { Mel } from '../../audio/mel/convention.js'
import { concatenateAudio } from '../../core/concatenate.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { RowQueue } from '../../core/row-queue.js'
import type { EnvelopeStream, FrontEndEnvelope } from '../../model/front-end/envelope.js'
import { melHop, type NetworkConfig } from '../../model/network.js'
import { checkLabel, checkMelCovers, checkNetworkMel, checkPass, checkPiece, checkStreamSteps } from '../check-batch.js'
import type { NoiseStream, StreamRequest } from '../engine.js'
import { snapshot, snapshotMel } from '../snapshot.js'
import { type MelFrames, type WindowRequest, windowPlace, windowShape } from './windows.js'

/** What a stream needs from its engine. */
export interface WindowHost {
  readonly network: NetworkConfig
  /** The envelope of the network's front end; null if it has none. */
  readonly envelope: FrontEndEnvelope | null
  /**
   * Runs the network on one window.
   *
   * @param signal stops the work, as soon as the engine can
   * @returns one number per sample of the window's audio
   */
  predictWindow(window: WindowRequest, signal: AbortSignal | undefined): Promise<Float32Array>
  /** @throws DiffWaveError `DISPOSED` */
  checkAlive(): void
}

/** One pass: its diffusion step, the samples that windows still read, and the next window. */
interface Pass {
  readonly step: number
  readonly audio: RowQueue<Float32Array>
  ended: boolean
  window: number
}

export class WindowedStream implements NoiseStream {
  readonly latency: number
  readonly #passes: Pass[]
  /** `[frames × bands]`; null if there is no mel. */
  readonly #frames: RowQueue<Float32Array> | null
  #melEnded: boolean
  /** E, `[positions × bins]`; null if the front end has none. */
  readonly #deviations: RowQueue<Float32Array> | null
  readonly #envelope: EnvelopeStream | null
  #disposed = false

  readonly #host: WindowHost
  readonly #network: NetworkConfig
  readonly #label: number | null

  constructor(host: WindowHost, request: StreamRequest) {
    const { network, envelope } = host
    checkStreamSteps(request)
    const { steps, label = null } = request
    checkLabel(network, label)
    this.#host = host
    this.#network = network
    this.#label = label
    this.#envelope = envelope?.stream() ?? null
    const { length, halo } = windowShape(network)
    this.latency = length + halo
    this.#passes = steps.map(step => ({ step, audio: new RowQueue(Float32Array, 1), ended: false, window: 0 }))
    this.#frames = network.mel === null ? null : new RowQueue(Float32Array, network.mel.bands)
    this.#deviations = envelope === null ? null : new RowQueue(Float32Array, envelope.bins)
    this.#melEnded = network.mel === null
  }

  pushMel(given: Mel, last: boolean): void {
    this.#checkAlive()
    const mel = snapshotMel(given)
    checkNetworkMel(this.#network, mel)
    if (this.#melEnded) throw new DiffWaveError('BAD_SHAPE', 'mel frames come after the last')
    const added = new Float32Array(mel.data.length)
    for (let band = 0; band < mel.bands; band++) {
      for (let frame = 0; frame < mel.frames; frame++) {
        added[frame * mel.bands + band] = mel.data[band * mel.frames + frame]!
      }
    }
    this.#frames?.append(added)
    if (this.#envelope !== null) this.#deviations?.append(this.#envelope.push(mel, last))
    this.#melEnded = last
  }

  /** A call that was stopped on its way leaves the stream disposed: the windows that it had made are lost. */
  async predict(pass: number, samples: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    this.#checkAlive()
    throwIfAborted(signal)
    const audio = snapshot(samples)
    const state = checkPass(this.#passes, pass)
    checkPiece(this.#network, audio)
    checkMelCovers(this.#network, state.audio.end + audio.length, this.#frames?.end ?? 0, this.#melEnded)
    state.audio.append(audio)
    state.ended = last
    try {
      return await this.#runWindows(state, signal)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  /** All windows of a pass whose audio is here. */
  async #runWindows(state: Pass, signal: AbortSignal | undefined): Promise<Float32Array> {
    const { ended: last } = state
    const available = state.audio.end
    const results: Float32Array[] = []
    const { length, halo } = windowShape(this.#network)
    for (;;) {
      const end = (state.window + 1) * length
      if (last ? state.window * length >= available : end + halo > available) break
      throwIfAborted(signal)
      results.push(await this.#runWindow(state, last ? available : Number.POSITIVE_INFINITY, signal))
      this.#checkAlive()
      state.window++
      state.audio.forget(state.window * length - halo)
    }
    this.#forgetFrames()
    return concatenateAudio(results)
  }

  async #runWindow(state: Pass, samples: number, signal: AbortSignal | undefined): Promise<Float32Array> {
    const present = this.#frames?.end ?? 0
    const place = windowPlace(this.#network, state.window, samples, this.#melEnded ? present : Number.POSITIVE_INFINITY)
    const window = {
      audio: state.audio.rows(place.audioFrom, place.audioTo).slice(),
      step: state.step,
      label: this.#label,
      mel: this.#network.mel === null ? null : this.#melFrames(place.audioFrom, place.framesFrom, place.framesTo),
      deviations: this.#deviationsOf(place.audioFrom, place.audioTo),
    }
    const output = await this.#host.predictWindow(window, signal)
    return output.slice(place.from - place.audioFrom, place.to - place.audioFrom)
  }

  /** Frames from … to − 1, `[bands × frames]`. */
  #melFrames(audioFrom: number, from: number, to: number): MelFrames {
    const { bands } = this.#network.mel!
    const count = to - from
    const frames = this.#frames!.rows(from, to)
    const data = new Float32Array(bands * count)
    for (let band = 0; band < bands; band++) {
      for (let frame = 0; frame < count; frame++) data[band * count + frame] = frames[frame * bands + band]!
    }
    return { data, bands, frames: count, firstSample: audioFrom - from * melHop(this.#network.mel!) }
  }

  /** E of the positions of samples from … to − 1. */
  #deviationsOf(from: number, to: number): Float32Array | null {
    const { frontEnd } = this.#network
    if (this.#deviations === null || frontEnd === null) return null
    return this.#deviations.rows(from / frontEnd.stride, to / frontEnd.stride).slice()
  }

  /** Drops the frames, and E of the positions, that no pass will read again. */
  #forgetFrames(): void {
    if (this.#frames === null) return
    const places = this.#passes.map(pass =>
      windowPlace(this.#network, pass.window, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    )
    this.#frames.forget(Math.min(...places.map(place => place.framesFrom)))
    const { frontEnd } = this.#network
    if (frontEnd === null) return
    this.#deviations?.forget(Math.min(...places.map(place => place.audioFrom)) / frontEnd.stride)
  }

  #checkAlive(): void {
    this.#host.checkAlive()
    if (this.#disposed) throw new DiffWaveError('DISPOSED', 'the stream was disposed')
  }

  dispose(): void {
    this.#disposed = true
    this.#frames?.forget(Number.POSITIVE_INFINITY)
    this.#deviations?.forget(Number.POSITIVE_INFINITY)
    this.#passes.length = 0
  }
}
