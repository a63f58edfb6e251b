/** One clip through the reverse process on a model's engine: what vocoder and generator share. */

import type { Mel } from './audio/convention.js'
import { guidedStream } from './diffusion/guidance.js'
import { frameCount, type MelSource } from './diffusion/mel-pieces.js'
import {
  type PassStream,
  type Progress,
  type ReverseRequest,
  reverseProcess,
  seededNoise,
} from './diffusion/reverse.js'
import type { Sampler } from './diffusion/samplers/sampler.js'
import { concatenateAudio } from './diffusion/state-queue.js'
import type { StreamRequest } from './engines/engine.js'
import { type ModelConfig, melContext, melHop, receptiveRadius } from './model/config.js'
import type { Model } from './model.js'
import type { AudioStream, Synthesis } from './synthesis-options.js'

/** Samples fed at a time where the caller says nothing: some tenths of a second. */
const DEFAULT_CHUNK = 8192
/** Most samples fed at a time: their noise takes some 3 ms to draw, for which the event loop waits. */
const MAX_CHUNK = 32_768

export interface ClipRequest {
  readonly sampler: Sampler
  readonly seed: number
  /** The mel to follow, or the length in samples to make. */
  readonly over: { readonly source: MelSource; readonly examine: (mel: Mel) => void } | { readonly length: number }
  /** Samples to give, no more than were made; all where not given. */
  readonly trim?: number | undefined
  /** A label's index; null or not given: none. */
  readonly label?: number | null
  /** Classifier-free guidance w; 0: none. */
  readonly guidance?: number
  readonly chunk?: number | undefined
  /** What to start from in place of noise (`ReverseRequest`). */
  readonly start?: ReverseRequest['start']
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** The clip, piece by piece. @throws as `reverseProcess` */
export function streamClip(model: Model, request: ClipRequest): AudioStream {
  const { config } = model
  const { sampler, seed } = request
  return Object.assign(pieces(model, request), {
    sampleRate: config.sampleRate,
    seed,
    steps: sampler.steps.length,
    length: clipLength(request, config.mel?.hop ?? 1),
    lookAhead: lookAhead(config, sampler.steps.length),
  })
}

/**
 * Samples after one that its final value depends on: each pass looks a receptive radius ahead in the pass before it, the mel's
 * frames reach further than the samples they cover, and a mel-envelope prior filters by whole windows.
 */
export function lookAhead({ network, mel, diffusion }: ModelConfig, steps: number): number {
  const passes = steps * receptiveRadius(network) * network.patch
  const frames = network.mel === null ? 0 : (melContext(network.mel) + 1) * melHop(network.mel)
  return passes + frames + (diffusion.prior?.kind === 'mel-envelope' ? (mel?.fftSize ?? 0) : 0)
}

/** Samples of a clip, where they are known before it is made. */
function clipLength({ over, trim }: ClipRequest, hop: number): number | null {
  const frames = 'length' in over ? null : frameCount(over.source)
  const made = 'length' in over ? over.length : frames === null ? null : frames * hop
  return made === null ? null : Math.min(made, trim ?? made)
}

/** The clip whole. @throws as `reverseProcess` */
export async function wholeClip(model: Model, request: ClipRequest): Promise<Synthesis> {
  const stream = streamClip(model, request)
  const parts: Float32Array[] = []
  for await (const part of stream) parts.push(part)
  return {
    samples: concatenateAudio(parts),
    sampleRate: stream.sampleRate,
    seed: stream.seed,
    steps: stream.steps,
  }
}

async function* pieces(model: Model, request: ClipRequest): AsyncGenerator<Float32Array, void, undefined> {
  const { config, engine } = model
  const { network, diffusion } = config
  const { label = null, guidance = 0, sampler, signal, onProgress, over } = request
  const patch = network.patch
  const open = (of: StreamRequest) => engine.openStream(of)
  const openStream = (steps: readonly number[]): PassStream =>
    guidance > 0 && label !== null
      ? guidedStream(open({ steps, label }), open({ steps, label: null }), guidance)
      : open({ steps, label })

  let left = request.trim ?? Number.POSITIVE_INFINITY
  const made = reverseProcess({
    openStream,
    sampler,
    prediction: diffusion.prediction,
    noise: seededNoise(request.seed),
    start: request.start,
    over:
      'length' in over
        ? { length: Math.ceil(over.length / patch) * patch }
        : { ...over, convention: config.mel!, context: melContext(network.mel!), prior: diffusion.prior },
    chunk: Math.max(1, Math.floor(Math.min(request.chunk ?? DEFAULT_CHUNK, MAX_CHUNK) / patch)) * patch,
    signal,
    onProgress,
  })
  for await (const piece of made) {
    if (left > 0) yield piece.subarray(0, Math.min(left, piece.length))
    left -= piece.length
  }
}
