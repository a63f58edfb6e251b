/**
 * One clip in several passes, window by window, for any engine that can run a window: audio and mel are kept only as
 * far back as a window still reads them.
 */
import type { Mel } from '../../audio/mel/convention.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { EnvelopeStream, FrontEndEnvelope } from '../../model/front-end/envelope.js'
import { melContext, melHop, type NetworkConfig, positionSamples } from '../../model/network.js'
import { checkFinite, checkLabel, checkMel, checkStreamSteps } from '../check-batch.js'
import type { NoiseStream, StreamRequest } from '../engine.js'
import { type MelFrames, type WindowRequest, windowPlace, windowShape } from './windows.js'

/** Samples of one pass: those from `start` on, of which windows still read. */
interface Pass {
  start: number
  audio: Float32Array
  ended: boolean
  window: number
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

export class WindowedStream implements NoiseStream {
  readonly latency: number
  readonly #passes: Pass[]
  /** Frames from `firstFrame` on, frame-major: `[frames × bands]`. */
  #frames: Float32Array = new Float32Array(0)
  #firstFrame = 0
  #melEnded: boolean
  /** E of positions from `#firstPosition` on, `[positions × bins]`. */
  #deviations: Float32Array = new Float32Array(0)
  #firstPosition = 0
  readonly #envelope: EnvelopeStream | null
  #disposed = false

  readonly #network: NetworkConfig
  readonly #request: StreamRequest
  readonly #predictWindow: (request: WindowRequest) => Promise<Float32Array>

  /** @param envelope of the network's front end, if it has one */
  constructor(
    network: NetworkConfig,
    request: StreamRequest,
    predictWindow: (request: WindowRequest) => Promise<Float32Array>,
    envelope: FrontEndEnvelope | null = null,
  ) {
    this.#envelope = envelope?.stream() ?? null
    this.#network = network
    this.#request = request
    this.#predictWindow = predictWindow
    checkStreamSteps(request)
    checkLabel(network, request.label ?? null)
    const { length, halo } = windowShape(network)
    this.latency = length + halo
    this.#passes = request.steps.map(() => ({ start: 0, audio: new Float32Array(0), ended: false, window: 0 }))
    this.#melEnded = network.mel === null
  }

  pushMel(mel: Mel, last: boolean): void {
    this.#checkAlive()
    checkMel(this.#network, mel)
    if (this.#melEnded) throw new DiffWaveError('BAD_SHAPE', 'mel frames come after the last')
    const added = new Float32Array(mel.data.length)
    for (let band = 0; band < mel.bands; band++) {
      for (let frame = 0; frame < mel.frames; frame++) {
        added[frame * mel.bands + band] = mel.data[band * mel.frames + frame]!
      }
    }
    this.#frames = joined(this.#frames, added)
    if (this.#envelope !== null) this.#deviations = joined(this.#deviations, this.#envelope.push(mel, last))
    this.#melEnded = last
  }

  async predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    this.#checkAlive()
    throwIfAborted(signal)
    const state = this.#passes[pass]
    if (state === undefined) throw new DiffWaveError('BAD_SHAPE', 'there is no such pass', { got: String(pass) })
    if (state.ended) throw new DiffWaveError('BAD_SHAPE', 'audio comes after the pass’s end')
    const unit = positionSamples(this.#network)
    if (audio.length % unit !== 0) {
      throw new DiffWaveError('BAD_SHAPE', 'audio has the wrong length', {
        expected: `a multiple of ${unit} samples`,
        got: String(audio.length),
      })
    }
    checkFinite(audio, 'audio')
    this.#checkMelCovers(state.start + state.audio.length + audio.length)
    state.audio = joined(state.audio, audio)
    state.ended = last
    const available = state.start + state.audio.length
    const results: Float32Array[] = []
    const { length, halo } = windowShape(this.#network)
    for (;;) {
      const end = (state.window + 1) * length
      if (last ? state.window * length >= available : end + halo > available) break
      throwIfAborted(signal)
      results.push(await this.#runWindow(state, pass, last ? available : Number.POSITIVE_INFINITY))
      this.#checkAlive()
      state.window++
      const keepFrom = Math.max(Math.min(state.window * length - halo, available), state.start)
      state.audio = state.audio.slice(keepFrom - state.start)
      state.start = keepFrom
    }
    this.#forgetFrames()
    return results.reduce(joined, new Float32Array(0))
  }

  /** The frames that the contract asks for before audio up to `samples` is fed are here. */
  #checkMelCovers(samples: number): void {
    const { mel } = this.#network
    if (mel === null) return
    const needed = Math.ceil(samples / melHop(mel)) + (this.#melEnded ? 0 : melContext(mel))
    const present = this.#firstFrame + this.#frames.length / mel.bands
    if (needed > present) {
      throw new DiffWaveError('BAD_SHAPE', 'audio is fed before the mel frames it needs', {
        expected: `frames up to ${needed}`,
        got: String(present),
      })
    }
  }

  async #runWindow(state: Pass, pass: number, samples: number): Promise<Float32Array> {
    const bands = this.#network.mel?.bands ?? 0
    const present = bands === 0 ? 0 : this.#firstFrame + this.#frames.length / bands
    const place = windowPlace(this.#network, state.window, samples, this.#melEnded ? present : Number.POSITIVE_INFINITY)
    const epsilon = await this.#predictWindow({
      audio: state.audio.slice(place.audioFrom - state.start, place.audioTo - state.start),
      step: this.#request.steps[pass]!,
      label: this.#request.label ?? null,
      mel: this.#network.mel === null ? null : this.#melFrames(place.audioFrom, place.framesFrom, place.framesTo),
      deviations: this.#deviationsOf(place.audioFrom, place.audioTo),
    })
    return epsilon.slice(place.from - place.audioFrom, place.to - place.audioFrom)
  }

  /** Frames from … to − 1, `[bands × frames]`. */
  #melFrames(audioFrom: number, from: number, to: number): MelFrames {
    const { bands } = this.#network.mel!
    const count = to - from
    const data = new Float32Array(bands * count)
    for (let band = 0; band < bands; band++) {
      for (let frame = 0; frame < count; frame++) {
        data[band * count + frame] = this.#frames[(from - this.#firstFrame + frame) * bands + band]!
      }
    }
    return { data, bands, frames: count, firstSample: audioFrom - from * melHop(this.#network.mel!) }
  }

  /** E of the positions of samples from … to − 1. */
  #deviationsOf(from: number, to: number): Float32Array | null {
    const { frontEnd } = this.#network
    if (this.#envelope === null || frontEnd === null) return null
    const at = (sample: number) => (sample / frontEnd.stride - this.#firstPosition) * frontEnd.bins
    return this.#deviations.slice(at(from), at(to))
  }

  /** Drops the frames, and E of the positions, that no pass will read again. */
  #forgetFrames(): void {
    const bands = this.#network.mel?.bands
    if (bands === undefined) return
    const places = this.#passes.map(pass =>
      windowPlace(this.#network, pass.window, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    )
    this.#forgetDeviations(Math.min(...places.map(place => place.audioFrom)))
    const needed = Math.min(...places.map(place => place.framesFrom))
    const present = this.#firstFrame + this.#frames.length / bands
    const keepFrom = Math.min(needed, present)
    if (keepFrom <= this.#firstFrame) return
    this.#frames = this.#frames.slice((keepFrom - this.#firstFrame) * bands)
    this.#firstFrame = keepFrom
  }

  #forgetDeviations(sample: number): void {
    const { frontEnd } = this.#network
    if (this.#envelope === null || frontEnd === null) return
    const known = this.#deviations.length / frontEnd.bins
    const behind = Math.min(known, sample / frontEnd.stride - this.#firstPosition)
    if (behind <= 0) return
    this.#deviations = this.#deviations.slice(behind * frontEnd.bins)
    this.#firstPosition += behind
  }

  #checkAlive(): void {
    if (this.#disposed) throw new DiffWaveError('DISPOSED', 'the stream was disposed')
  }

  dispose(): void {
    this.#disposed = true
    this.#frames = new Float32Array(0)
    this.#deviations = new Float32Array(0)
    this.#passes.length = 0
  }
}
