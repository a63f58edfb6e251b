/** One clip through the reverse process on a model's engine: what vocoder and generator share. */

import type { Mel } from '../audio/mel/convention.js'
import { frameCount, type MelSource } from '../audio/mel/feed.js'
import { PhaseRefinement, refined, refinementLookAhead } from '../audio/mel/phase-refinement.js'
import type { OnProgress } from '../core/progress.js'
import { dataDomain } from '../data-domain/data-domain.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { guided, guidedStream } from '../diffusion/guidance.js'
import { type PassStream, type ReverseRequest, reverseProcess, seededNoise } from '../diffusion/reverse.js'
import { reverseBatch } from '../diffusion/reverse-batch.js'
import type { Sampler } from '../diffusion/samplers/sampler.js'
import { concatenateAudio } from '../diffusion/state-queue.js'
import type { StreamRequest } from '../engines/engine.js'
import { streamLag } from '../engines/windowed/stream-lag.js'
import type { ModelConfig } from '../model/config.js'
import type { RefinementConfig } from '../model/diffusion-config.js'
import { melContext, melHop } from '../model/network.js'
import type { AudioStream, Synthesis } from './options.js'

/** Samples fed at a time to a stream where the caller says nothing: some tenths of a second. */
const DEFAULT_CHUNK = 8192
/** Positions fed at a time to a clip that nobody hears before its end: whole blocks of the native engine. */
const WHOLE_CLIP_POSITIONS = 13_824
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
  /** Of a mel's clip: what is done with its phases after the last pass; nothing where not given. */
  readonly refinement?: RefinementConfig | null
  readonly chunk?: number | undefined
  /** What to start from in place of noise (`ReverseRequest`). */
  readonly start?: ReverseRequest['start']
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** The clip, piece by piece. @throws as `reverseProcess` */
export function streamClip(model: Denoiser, request: ClipRequest): AudioStream {
  const { config } = model
  const { sampler, seed } = request
  return Object.assign(pieces(model, request), {
    sampleRate: config.sampleRate,
    seed,
    steps: sampler.steps.length,
    length: clipLength(request, config.mel?.hop ?? 1),
    lookAhead: lookAhead(config, sampler.steps.length, request.refinement?.iterations ?? 0),
  })
}

/**
 * Samples that come in before one is final: each pass lags behind the pass before it (`streamLag`, the native engine's), the mel's
 * frames reach further than the samples they cover, a mel-envelope prior filters by whole windows, and so does each iteration
 * of a refinement; a block of subbands reaches half a block into the next.
 */
export function lookAhead(
  { network, mel, diffusion }: ModelConfig,
  steps: number,
  iterations = diffusion.refinement?.iterations ?? 0,
): number {
  const passes = steps * streamLag(network) * network.patch
  const frames = network.mel === null ? 0 : (melContext(network.mel) + 1) * melHop(network.mel)
  const colouring = diffusion.prior?.kind === 'mel-envelope' ? (mel?.fftSize ?? 0) : 0
  const subbands = diffusion.subbands === null ? 0 : network.patch / 2
  return passes + frames + colouring + subbands + (mel === null ? 0 : refinementLookAhead(mel, iterations))
}

/** Samples of a clip, where they are known before it is made. */
function clipLength({ over, trim }: ClipRequest, hop: number): number | null {
  const frames = 'length' in over ? null : frameCount(over.source)
  const made = 'length' in over ? over.length : frames === null ? null : frames * hop
  return made === null ? null : Math.min(made, trim ?? made)
}

/** The clip whole. @throws as `reverseProcess` */
export async function wholeClip(model: Denoiser, request: ClipRequest): Promise<Synthesis> {
  const stream = streamClip(model, { chunk: WHOLE_CLIP_POSITIONS * model.config.network.patch, ...request })
  const { config } = model
  const { over, trim = Number.POSITIVE_INFINITY } = request
  let parts: Float32Array[] = []
  let at = 0
  // Where the length is known the pieces go into place: long audio is not held twice.
  const known =
    'length' in over
      ? Math.ceil(over.length / config.network.patch) * config.network.patch
      : 'data' in over.source
        ? over.source.frames * config.mel!.hop
        : null
  if (known !== null) parts = [new Float32Array(Math.min(known, trim))]
  for await (const part of stream) {
    if (known === null) parts.push(part)
    else parts[0]!.set(part, at)
    at += part.length
  }
  return {
    samples: parts.length === 1 ? parts[0]! : concatenateAudio(parts),
    sampleRate: stream.sampleRate,
    seed: stream.seed,
    steps: stream.steps,
  }
}

/** Clips without a mel that are made together: they differ in seed and label alone. */
export interface BatchRequest {
  readonly sampler: Sampler
  /** Samples of a clip. */
  readonly length: number
  /** `label`: its index; null: none. */
  readonly clips: readonly { readonly seed: number; readonly label: number | null }[]
  /** Classifier-free guidance w of the clips that have a label; 0: none. */
  readonly guidance: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** Whole clips, the bytes that `wholeClip` gives for each. @throws as `reverseBatch` */
export async function wholeClips(model: Denoiser, request: BatchRequest): Promise<Float32Array[]> {
  const { engine } = model
  const { diffusion, network } = model.config
  const { sampler, length, clips, guidance, signal } = request
  const follows = clips.map(({ label }) => guidance > 0 && label !== null)
  const labels = clips.map(clip => clip.label)
  const made = await reverseBatch({
    sampler,
    prediction: diffusion.prediction,
    noises: clips.map(({ seed }) => seededNoise(seed)),
    length: Math.ceil(length / network.patch) * network.patch,
    signal,
    onProgress: request.onProgress,
    async predict(audio, step) {
      // Guided clips are asked for a second time, without their label, in the same call.
      const again = audio.filter((_, i) => follows[i])
      const all = await engine.predict({
        audio: [...audio, ...again],
        steps: new Float64Array(audio.length + again.length).fill(step),
        ...(network.labels === null ? {} : { labels: [...labels, ...again.map(() => null)] }),
        ...(signal === undefined ? {} : { signal }),
      })
      let next = audio.length
      return follows.map((follow, i) => (follow ? guided(all[i]!, all[next++]!, guidance) : all[i]!))
    },
  })
  const domain = dataDomain(null, diffusion)
  return made.map(clean => domain.toAudio(clean).subarray(0, length))
}

/** The clip, trimmed. */
async function* pieces(model: Denoiser, request: ClipRequest): AsyncGenerator<Float32Array, void, undefined> {
  let left = request.trim ?? Number.POSITIVE_INFINITY
  for await (const piece of finished(model, request)) {
    if (left > 0) yield piece.subarray(0, Math.min(left, piece.length))
    left -= piece.length
  }
}

/** What the reverse process makes, its phases refined where that is asked for. */
function finished(model: Denoiser, request: ClipRequest): AsyncIterable<Float32Array> {
  const { mel } = model.config
  const { refinement = null, signal } = request
  if (refinement === null || mel === null) return waveforms(model, request)
  const refining = new PhaseRefinement(mel, refinement)
  return refined(
    waveforms(model, request, piece => refining.pushMel(piece)),
    refining,
    signal,
  )
}

/** What the reverse process makes. @param follow is given the mel's pieces, each before its audio */
async function* waveforms(
  model: Denoiser,
  request: ClipRequest,
  follow?: (mel: Mel) => void,
): AsyncGenerator<Float32Array, void, undefined> {
  const { config, engine } = model
  const { network, diffusion } = config
  const { label = null, guidance = 0, sampler, signal, onProgress, over } = request
  const patch = network.patch
  const open = (of: StreamRequest) => engine.openStream(of)
  const openStream = (steps: readonly number[]): PassStream =>
    guidance > 0 && label !== null
      ? guidedStream(open({ steps, label }), open({ steps, label: null }), guidance)
      : open({ steps, label })

  const made = reverseProcess({
    openStream,
    sampler,
    prediction: diffusion.prediction,
    noise: seededNoise(request.seed),
    start: request.start,
    over:
      'length' in over
        ? { length: Math.ceil(over.length / patch) * patch }
        : { ...over, follow, convention: config.mel!, context: melContext(network.mel!), prior: diffusion.prior },
    chunk: Math.max(1, Math.floor(Math.min(request.chunk ?? DEFAULT_CHUNK, MAX_CHUNK) / patch)) * patch,
    signal,
    onProgress,
  })
  // What a mel-envelope prior colours is coloured by now.
  const toAudio = dataDomain(null, diffusion).inPieces()
  for await (const piece of made) yield toAudio(piece, false)
  const rest = toAudio(new Float32Array(0), true)
  if (rest.length > 0) yield rest
}
