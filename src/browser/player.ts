/** Plays audio while it is made, by an audio worklet. */
import { z } from 'zod'
import type { AudioPieces } from '../audio/codecs/wav-stream.js'
import { isFloat32Array } from '../core/any-realm.js'
import type { Callback } from '../core/callback.js'
import { describe } from '../core/describe.js'
import { abortError, DiffWaveError, throwIfAborted } from '../core/errors.js'
import { abortSignal, callback, check, type FieldsOf } from '../core/options.js'
import { type Heard, PROCESSOR, type Samples } from './player-messages.js'

/** What `playStream` reports at the end. */
export interface Played {
  /** Length of the audio in seconds. */
  readonly seconds: number
  /** Seconds of silence in between, because the next piece was not ready in time. */
  readonly missing: number
  /** Seconds from the call to the first sound. */
  readonly delay: number
}

/** Options of `playStream`. */
export interface PlayOptions {
  /** Seconds of audio to collect before the first sample is played, 0 to 60. Default: 0.2. */
  readonly buffer?: number | undefined
  /**
   * Node that the sound goes to. Its context must have the audio's sample rate. Default: the speakers, through a new
   * context.
   */
  readonly destination?: AudioNode | undefined
  /**
   * URL of the worklet's program, `diffwave/browser/player-worklet`, for pages whose Content-Security-Policy allows no
   * scripts from `blob:`. Default: the program inside this module.
   */
  readonly workletUrl?: string | URL | undefined
  /** Called when the first sample is played. */
  readonly onStart?: Callback<void> | undefined
  /** Stops the sound: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

const optionsSchema = z.strictObject({
  buffer: z.number().min(0).max(60).default(0.2),
  // A worker may load this module, too, but has no such class.
  destination: z
    .custom<AudioNode>(value => typeof AudioNode === 'function' && value instanceof AudioNode, 'expected an AudioNode')
    .optional(),
  workletUrl: z.union([z.string().min(1), z.instanceof(URL)]).optional(),
  onStart: callback<void>().optional(),
  signal: abortSignal.optional(),
} satisfies FieldsOf<PlayOptions>)

/** The program of player-worklet.ts: scripts/build-browser.mjs puts it here. */
declare const DIFFWAVE_WORKLET: string

/**
 * Max seconds of audio to make ahead of what is heard, or `buffer` if that is more, so that a stream of an hour does
 * not fill the memory.
 */
const MAX_AHEAD = 30
/** Milliseconds to wait for a context to start. Without a click by the user it never does. */
const START_TIME = 2000

/**
 * Plays a stream as its pieces arrive, and resolves when the last one has been heard. Call it from a click or a key
 * press, because a page may not make sound before the user has done something.
 *
 * @param audio from `Vocoder.stream` or `Generator.stream`, or another iterable of pieces with a `sampleRate`
 * @throws DiffWaveError `PLAYBACK_FAILED`, `BAD_OPTION`, `ABORTED`, and what the stream throws
 * @example
 * button.onclick = () => playStream(vocoder.stream(mel))
 */
export async function playStream(audio: AudioPieces, options: PlayOptions = {}): Promise<Played> {
  const called = performance.now()
  const { buffer, destination, workletUrl, onStart, signal } = check(optionsSchema, options, 'playStream options')
  if (typeof audio?.[Symbol.asyncIterator] !== 'function' || typeof audio.sampleRate !== 'number') {
    throw new DiffWaveError('BAD_OPTION', 'not a stream of audio', { got: describe(audio), where: 'playStream audio' })
  }
  throwIfAborted(signal)
  const context = destination?.context ?? openContext(audio.sampleRate)
  if (context.state === 'closed') throw closedContext()
  if (context.sampleRate !== audio.sampleRate) {
    throw new DiffWaveError('BAD_OPTION', 'the context and the audio differ in sample rate', {
      expected: `${audio.sampleRate} Hz`,
      got: `${context.sampleRate} Hz`,
      where: 'destination',
    })
  }
  const own = destination === undefined ? (context as AudioContext) : null
  const { stopped, release } = stopOf(signal)
  try {
    await startContext(context, stopped)
    const start = Math.round(buffer * audio.sampleRate)
    // The worklet's server may never answer.
    await Promise.race([prepare(context, workletUrl), stopped])
    // Only now: a node that is made after a stop would run until the page closes its context.
    const node = playerNode(context, start, workletUrl)
    node.connect(destination ?? context.destination)
    let delay = 0
    try {
      const ahead = Math.max(start, MAX_AHEAD * audio.sampleRate)
      const heard = await feed(node, audio, { ahead, stopped }, () => {
        delay = (performance.now() - called) / 1000
        return onStart?.()
      })
      await Promise.race([outputDelay(context), stopped])
      const { sampleRate } = audio
      return { seconds: heard.played / sampleRate, missing: heard.missing / sampleRate, delay }
    } finally {
      // If the page keeps the context, the worklet would keep what it has not played.
      node.port.postMessage({ samples: null } satisfies Samples)
      node.disconnect()
    }
  } finally {
    release()
    await own?.close()
  }
}

function failed(problem: string, hint: string, cause?: unknown): DiffWaveError {
  return new DiffWaveError('PLAYBACK_FAILED', problem, { hint, cause })
}

function closedContext(): DiffWaveError {
  return failed('the audio context is closed', 'Leave it open until playStream has ended, and stop with `signal`.')
}

/** Opens a context at the audio's rate, which the browser converts to that of the sound card. */
function openContext(sampleRate: number): AudioContext {
  try {
    return new AudioContext({ sampleRate })
  } catch (cause) {
    const hint = 'Browsers play rates from 8,000 to 96,000 Hz: resample the audio.'
    throw failed(`the browser does not play audio of ${sampleRate} Hz`, hint, cause)
  }
}

async function startContext(context: BaseAudioContext, stopped: Promise<never>): Promise<void> {
  if (!('resume' in context) || context.state === 'running') return
  const resumed = (context as AudioContext).resume().then(() => true)
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), START_TIME)
  })
  const started = await Promise.race([resumed, timeout, stopped]).finally(() => clearTimeout(timer))
  if (!started) {
    throw failed('the browser does not let the page make sound yet', 'Call playStream from a click or a key press.')
  }
}

/** Most seconds to wait for the end of a sound to leave the speakers: Bluetooth takes up to half a second. */
const MAX_OUTPUT_DELAY = 1

/** Resolves when what the worklet has played by now is heard. A context that is closed before may cut it off. */
async function outputDelay(context: BaseAudioContext): Promise<void> {
  // Offline contexts have no latency, and not all browsers know that of the output.
  const { baseLatency = 0, outputLatency = 0 } = context as Partial<AudioContext>
  const seconds = Math.min(MAX_OUTPUT_DELAY, baseLatency + outputLatency)
  if (seconds > 0) await new Promise(resolve => setTimeout(resolve, 1000 * seconds))
}

/** A promise that rejects with `ABORTED` once the signal fires. Release it: a signal may outlive many streams. */
function stopOf(signal: AbortSignal | undefined) {
  let release = () => {}
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(abortError(signal?.reason))
    signal?.addEventListener('abort', stop, { once: true })
    release = () => signal?.removeEventListener('abort', stop)
  })
  // The signal may fire while nothing waits for this promise.
  stopped.catch(() => {})
  return { stopped, release }
}

async function addProgram(worklet: AudioWorklet, workletUrl: string | URL | undefined): Promise<void> {
  if (workletUrl !== undefined) return worklet.addModule(workletUrl)
  const url = URL.createObjectURL(new Blob([DIFFWAVE_WORKLET], { type: 'text/javascript' }))
  await worklet.addModule(url).finally(() => URL.revokeObjectURL(url))
}

const prepared = new WeakMap<BaseAudioContext, Promise<void>>()

/** Loads the worklet's program into a context, once. @throws DiffWaveError `PLAYBACK_FAILED` */
async function prepare(context: BaseAudioContext, workletUrl: string | URL | undefined): Promise<void> {
  if (context.audioWorklet === undefined) {
    throw failed('the page has no audio worklets', 'Serve it from https: or from localhost.')
  }
  let ready = prepared.get(context)
  if (ready === undefined) {
    ready = addProgram(context.audioWorklet, workletUrl)
    prepared.set(context, ready)
    ready.catch(() => prepared.delete(context))
  }
  await ready.catch(cause => {
    throw notLoaded(workletUrl, cause)
  })
}

/** @param start samples to collect before the first is played @throws DiffWaveError `PLAYBACK_FAILED` */
function playerNode(context: BaseAudioContext, start: number, workletUrl: string | URL | undefined): AudioWorkletNode {
  try {
    return new AudioWorkletNode(context, PROCESSOR, {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { start },
    })
  } catch (cause) {
    // The file that `workletUrl` names was another program: it has not registered the processor.
    throw notLoaded(workletUrl, cause)
  }
}

function notLoaded(workletUrl: string | URL | undefined, cause: unknown): DiffWaveError {
  return failed(
    'the audio worklet cannot be loaded',
    workletUrl === undefined
      ? 'The page’s Content-Security-Policy must allow `script-src blob:`, or the option workletUrl name a file.'
      : 'The option workletUrl must name the file `diffwave/browser/player-worklet` on a server the page trusts.',
    cause,
  )
}

interface FeedOptions {
  /** Max number of samples to make ahead of what is heard. */
  readonly ahead: number
  /** Rejects once playing is to stop. */
  readonly stopped: Promise<never>
}

/**
 * Waits for promises until playing ends early. It does not race against one promise for the whole stream, because that
 * promise would keep every piece alive.
 */
class Waiting {
  #ended: { readonly error: unknown } | null = null
  readonly #rejects = new Set<(error: unknown) => void>()

  /** Makes the pending waits, and all that follow, reject with an error. */
  end(error: unknown): void {
    this.#ended ??= { error }
    for (const reject of this.#rejects) reject(this.#ended.error)
  }

  /** @throws the error of `end`, as soon as it is called, and what the promise rejects with */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended !== null) reject(this.#ended.error)
      this.#rejects.add(reject)
      promise.then(resolve, reject).finally(() => this.#rejects.delete(reject))
    })
  }
}

/** Feeds the worklet until it has played everything. */
async function feed(
  node: AudioWorkletNode,
  audio: AudioPieces,
  { ahead, stopped }: FeedOptions,
  onStart: () => void | Promise<void>,
): Promise<Heard> {
  let heard: Heard = { played: 0, missing: 0, ended: false }
  let wake: () => void = () => undefined
  const waiting = new Waiting()
  const fail = (error: unknown) => waiting.end(error)
  stopped.catch(fail)
  let begun: Promise<void> = Promise.resolve()
  const begin = async () => onStart()
  const change = () => waiting.until(new Promise<void>(resolve => (wake = resolve)))
  node.port.onmessage = ({ data }: MessageEvent<Heard>) => {
    const begins = heard.played === 0 && data.played > 0
    heard = data
    if (begins) {
      begun = begin()
      begun.catch(fail)
    }
    wake()
  }
  const { context } = node
  const onState = () => {
    if (context.state === 'closed') fail(closedContext())
  }
  context.addEventListener('statechange', onState)
  const pieces = audio[Symbol.asyncIterator]()
  try {
    let fed = 0
    for (;;) {
      // The next piece may take long, or never arrive.
      const { done, value: piece } = await waiting.until(Promise.resolve(pieces.next()))
      if (done) break
      if (!isFloat32Array(piece)) {
        throw new DiffWaveError('BAD_OPTION', 'not a piece of audio', {
          expected: 'a Float32Array',
          got: describe(piece),
          where: 'playStream audio',
        })
      }
      if (piece.length === 0) continue
      fed += piece.length
      const samples = piece.slice()
      node.port.postMessage({ samples } satisfies Samples, [samples.buffer])
      while (fed - heard.played > ahead) await change()
    }
    node.port.postMessage({ samples: new Float32Array(0) } satisfies Samples)
    while (!heard.ended) await change()
    await waiting.until(begun)
    return heard
  } catch (error) {
    // Not awaited, because it may wait for the piece that is being made.
    pieces.return?.()?.catch(() => {})
    throw error
  } finally {
    context.removeEventListener('statechange', onState)
  }
}
