/**
 * Makes one clip with a model, as a pipeline of streams: mel → latent (the reverse process) → audio (the data domain's
 * decoder) → phase refinement → high band → trimming. The vocoder, the generator and the repairs share it.
 */
import type { MelFeed, MelReader } from '../audio/mel/feed.js'
import type { HighBandConfig } from '../audio/mel/high-band.js'
import { PhaseRefinement, refined } from '../audio/mel/phase-refinement.js'
import { concatenateAudio } from '../core/concatenate.js'
import type { OnProgress } from '../core/progress.js'
import { Stoppable } from '../core/stoppable.js'
import type { Decoder } from '../data-domain/data-domain.js'
import { type Denoiser, modelDomain, modelLost } from '../denoiser/denoiser.js'
import { guidedStream } from '../diffusion/guidance.js'
import { type NoiseSource, seededNoise } from '../diffusion/noise.js'
import { type PassStream, type ReverseRequest, reverseProcess } from '../diffusion/reverse.js'
import type { Sampler } from '../diffusion/samplers/sampler.js'
import type { FrameStream } from '../engines/engine.js'
import { MAX_CHUNK_POSITIONS } from '../engines/streaming.js'
import type { RefinementConfig } from '../model/diffusion-config.js'
import { melContext, positionSamples } from '../model/network.js'
import { HighBand, withHighBand } from './high-band.js'
import { lookAhead } from './look-ahead.js'
import { type AudioStream, Synthesis } from './result.js'
import { type OnStep, watchSteps } from './sampling-step.js'

/** Default number of samples that a stream processes at a time: some tenths of a second. */
const DEFAULT_CHUNK = 8192
/**
 * Max number of samples to process at a time. Drawing their noise takes some 3 ms, during which the event loop waits.
 */
const MAX_CHUNK = 32_768

export interface ClipRequest {
  readonly sampler: Sampler
  readonly seed: number
  /** The mel to make audio from, or the length of the clip in samples. */
  readonly input: { readonly mel: MelFeed } | { readonly length: number }
  /** Number of samples to return, at most as many as are made. Default: all of a mel's, or the length in `input`. */
  readonly trim?: number | undefined
  /** Index of the label. Default: null, no label. */
  readonly label?: number | null
  /** Weight w of classifier-free guidance. Default: 0, no guidance. */
  readonly guidance?: number
  /** Phase refinement after the last pass, for clips with a mel. Default: null, no refinement. */
  readonly refinement?: RefinementConfig | null
  /** What to add above the mel, for clips with a mel. Default: null, nothing. */
  readonly highBand?: HighBandConfig | null
  readonly chunk?: number | undefined
  /** Replaces the noise that the process starts from (see `ReverseRequest`). */
  readonly start?: ReverseRequest['start']
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
  /** Called after each reverse step. Only for whole clips, with a whole mel. */
  readonly onStep?: OnStep | undefined
}

/** Makes the clip piece by piece. @throws as `reverseProcess` */
export function streamClip(model: Denoiser, request: ClipRequest): AudioStream {
  const { config } = model
  const { sampler, seed, refinement, signal } = request
  const audio = new Stoppable(stop => clipAudio(model, { ...request, signal: stop }), {
    signal,
    lost: modelLost(model),
  })
  return Object.assign(audio, {
    sampleRate: config.sampleRate,
    seed,
    steps: sampler.steps.length,
    length: clipLength(request),
    lookAhead: lookAhead(config, {
      steps: sampler.steps.length,
      iterations: refinement?.iterations ?? 0,
      domain: modelDomain(model),
      latency: model.engine.latency,
    }),
  })
}

/** Makes the whole clip. @throws as `reverseProcess` */
export async function wholeClip(model: Denoiser, request: ClipRequest): Promise<Synthesis> {
  const stream = streamClip(model, { chunk: MAX_CHUNK_POSITIONS * positionSamples(model.config.network), ...request })
  return new Synthesis({
    samples: await collected(stream, certainLength(request)),
    sampleRate: stream.sampleRate,
    seed: stream.seed,
    steps: stream.steps,
  })
}

/** The whole pipeline: latent, audio, refined audio, audio with its high band, trimmed audio. */
function clipAudio(model: Denoiser, request: ClipRequest): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
  const { input, refinement = null, highBand = null, seed, signal } = request
  const trim = request.trim ?? ('length' in input ? input.length : Number.POSITIVE_INFINITY)
  const mel = 'mel' in input ? input.mel : null
  const latent = latents(model, request)
  const audio = decoded(latent, modelDomain(model).decoder(mel))
  if (mel === null) return trimmed(audio, trim)
  const final = refinement === null ? audio : refinedAudio(model, audio, mel.lastReader(), refinement, signal)
  if (highBand === null) return trimmed(final, trim)
  const band = new HighBand(model.config.mel!, highBand, seededNoise(seed, model.engine.gaussian))
  return trimmed(withHighBand(final, mel.lastReader(), band), trim)
}

/** The result x_0 of the reverse process, in the model's data domain. */
function latents(model: Denoiser, request: ClipRequest): AsyncGenerator<Float32Array, void, undefined> {
  const domain = modelDomain(model)
  const { network, diffusion } = model.config
  const { input, sampler, signal, onProgress, onStep } = request
  const unit = positionSamples(network)
  const mel = 'mel' in input ? input.mel : null
  const length = certainLength(request) ?? Number.POSITIVE_INFINITY
  return reverseProcess({
    openStream: steps => openPasses(model, request, steps),
    sampler,
    prediction: diffusion.prediction,
    openNoise: draws => openNoise(model, request, draws),
    start: request.start,
    input:
      'mel' in input
        ? { mel: input.mel, context: Math.max(melContext(network.mel!), domain.melContext) }
        : { length: Math.ceil(input.length / unit) * unit },
    chunk: Math.max(1, Math.floor(Math.min(request.chunk ?? DEFAULT_CHUNK, MAX_CHUNK) / unit)) * unit,
    signal,
    onProgress,
    onStep: onStep && watchSteps(onStep, { domain, sampler, mel: mel?.whole ?? null, length }),
  })
}

/** The network for passes at these training steps, with guidance if the clip has a label to follow. */
function openPasses(
  { engine }: Denoiser,
  { label = null, guidance = 0 }: ClipRequest,
  steps: readonly number[],
): PassStream {
  const open = (wanted: number | null) => engine.openStream({ steps, label: wanted })
  return guidance > 0 && label !== null ? guidedStream(open, label, guidance) : open(label)
}

/** The noise of the domain for these draws. Draw 0, x_T, may be more than noise: a prior can start from harmonics. */
function openNoise(model: Denoiser, { input, seed }: ClipRequest, draws: readonly number[]): NoiseSource {
  const domain = modelDomain(model)
  const mel = 'mel' in input ? input.mel : null
  const white = seededNoise(seed, model.engine.gaussian)
  const start = draws.includes(0) ? domain.start(mel) : null
  const times = draws.filter(draw => draw !== 0).length
  const added = times === 0 ? null : domain.noise(mel, { times })
  return (draw, from, count) => (draw === 0 ? start : added)!((first, n) => white(draw, first, n), from, count)
}

async function* decoded(latent: AsyncIterable<Float32Array>, decoder: Decoder): AsyncGenerator<Float32Array> {
  for await (const data of latent) {
    const audio = decoder.push(data)
    if (audio.length > 0) yield audio
  }
  const rest = decoder.flush()
  if (rest.length > 0) yield rest
}

/**
 * Refines the phases of audio as it arrives. The refinement is opened when the first piece is requested, so that a
 * stream that nobody reads holds no memory.
 */
async function* refinedAudio(
  { engine, config }: Denoiser,
  audio: AsyncIterable<Float32Array>,
  mel: MelReader,
  settings: RefinementConfig,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array, void, undefined> {
  const refinement = engine.openRefinement?.(config.mel!, settings) ?? new PhaseRefinement(config.mel!, settings)
  async function* afterItsMel() {
    for await (const piece of audio) {
      for (const arrived of mel.take()) refinement.pushMel(arrived.mel)
      yield piece
    }
  }
  yield* 'dispose' in refinement
    ? refinedByEngine(afterItsMel(), refinement, signal)
    : refined(afterItsMel(), refinement, signal)
}

async function* refinedByEngine(
  audio: AsyncIterable<Float32Array>,
  refinement: FrameStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array, void, undefined> {
  try {
    for await (const piece of audio) {
      const final = await refinement.push(piece, false, signal)
      if (final.length > 0) yield final
    }
    yield await refinement.push(new Float32Array(0), true, signal)
  } finally {
    refinement.dispose()
  }
}

/**
 * The first `length` samples. The rest is read, too, so that the progress reaches its total.
 *
 * Each piece is a copy with a buffer of its own: the caller may change it, or transfer its buffer to a worker.
 */
async function* trimmed(
  audio: AsyncIterable<Float32Array>,
  length: number,
): AsyncGenerator<Float32Array<ArrayBuffer>, void> {
  let left = length
  for await (const piece of audio) {
    if (left > 0) yield piece.slice(0, left)
    left -= piece.length
  }
}

/**
 * Length of a clip in samples, if it is known beforehand. For a mel in pieces it is the length that the source
 * announced.
 */
function clipLength({ input, trim = Number.POSITIVE_INFINITY }: ClipRequest): number | null {
  const made = 'mel' in input ? input.mel.length : input.length
  return made === null ? null : Math.min(made, trim)
}

/** As `clipLength`, but null for a mel in pieces, which may have another length than announced. */
function certainLength(request: ClipRequest): number | null {
  return 'mel' in request.input && request.input.mel.whole === null ? null : clipLength(request)
}

/**
 * Collects a stream in one array.
 *
 * @param length if it is known, each piece is written to its place at once, so that long audio is never in memory twice
 */
async function collected(
  stream: AsyncIterable<Float32Array>,
  length: number | null,
): Promise<Float32Array<ArrayBuffer>> {
  if (length === null) {
    const pieces: Float32Array[] = []
    for await (const piece of stream) pieces.push(piece)
    return concatenateAudio(pieces)
  }
  const samples = new Float32Array(length)
  let at = 0
  for await (const piece of stream) {
    samples.set(piece, at)
    at += piece.length
  }
  return samples
}
