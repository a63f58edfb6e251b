/**
 * The windows in which an engine without streams of its own runs a clip, and which audio and mel each window needs.
 * Windows start at sample 0 and all have the same length, so that neither chunks nor batches change the result. Zeros
 * are added only at the true ends of a clip.
 */
import { melContext, melHop, type NetworkConfig, positionSamples, receptiveRadius } from '../../model/network.js'

/** Lengths in samples: a window yields `length` samples of output and reads `halo` more of audio on either side. */
export interface WindowShape {
  readonly length: number
  readonly halo: number
}

/** Shortest window: below some thousand positions a call costs more than its arithmetic. */
const MIN_POSITIONS = 4096
/** The same behind a windowed front end, whose positions are wide: 1.5 s at 22,050 Hz and a stride of 128. */
const MIN_WIDE_POSITIONS = 256
/** A halo is computed twice: at four halos a window, that is a third of the work. */
const HALOS_PER_WINDOW = 4

/** The windows of a network. Both lengths are whole mel frames. */
export function windowShape(network: NetworkConfig): WindowShape {
  const samples = positionSamples(network)
  const unit = network.mel === null ? samples : melHop(network.mel)
  const halo = Math.ceil((receptiveRadius(network) * samples) / unit) * unit
  const minPositions = network.frontEnd === null ? MIN_POSITIONS : MIN_WIDE_POSITIONS
  const length = Math.max(minPositions * samples, HALOS_PER_WINDOW * halo)
  return { length: Math.ceil(length / unit) * unit, halo }
}

/** Where window `index` lies in its clip; ends are exclusive. */
export interface WindowPlace {
  /** Samples of the output. */
  readonly from: number
  readonly to: number
  /** Samples of audio read. */
  readonly audioFrom: number
  readonly audioTo: number
  /** Mel frames read. */
  readonly framesFrom: number
  readonly framesTo: number
}

/**
 * @param samples length of the clip, Infinity while it is not known (then the window must lie wholly before its end)
 * @param frames frames of the clip's mel, Infinity likewise
 */
export function windowPlace(network: NetworkConfig, index: number, samples: number, frames: number): WindowPlace {
  const { length, halo } = windowShape(network)
  const from = index * length
  const to = Math.min(from + length, samples)
  const audioFrom = Math.max(from - halo, 0)
  const audioTo = Math.min(from + length + halo, samples)
  if (network.mel === null) return { from, to, audioFrom, audioTo, framesFrom: 0, framesTo: 0 }
  const hop = melHop(network.mel)
  const context = melContext(network.mel)
  return {
    from,
    to,
    audioFrom,
    audioTo,
    framesFrom: Math.max(Math.floor(audioFrom / hop) - context, 0),
    framesTo: Math.min(Math.ceil(audioTo / hop) + context, frames),
  }
}

/** Mel frames around a window of audio: `data` is `[bands × frames]`. */
export interface MelFrames {
  readonly data: Float32Array
  readonly bands: number
  readonly frames: number
  /** The audio's first sample, counted from the first of these frames. */
  readonly firstSample: number
}

/** One window of one clip. */
export interface WindowRequest {
  readonly audio: Float32Array
  readonly step: number
  readonly label: number | null
  readonly mel: MelFrames | null
  /** E of the audio's positions, `[positions × bins]`, if the front end has an envelope. */
  readonly deviations: Float32Array | null
}
