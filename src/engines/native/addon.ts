/** The compiled addon (native/binding.cc): where it lies, what it offers, and how a network's shape is told to it. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { DiffWaveError } from '../../core/errors.js'
import { melHop, type NetworkConfig } from '../../model/network.js'

declare const handle: unique symbol
/** An engine inside the addon. */
export interface Handle {
  readonly [handle]: 'engine'
}
/** A stream inside the addon. */
export interface StreamHandle {
  readonly [handle]: 'stream'
}

/** One clip of a batch; `target` (on the second half's way back ∂loss/∂ε) where gradients are wanted, else `noise` for the result. */
export interface ClipWork {
  readonly audio: Float32Array
  readonly target?: Float32Array
  readonly weight?: Float32Array | undefined
  readonly noise?: Float32Array
  /** The step embedding's sinusoids. */
  readonly sinusoids: Float32Array
  /** src/model/output-gain.ts */
  readonly gain: number
  /** `[bands × frames]` */
  readonly mel: Float32Array | undefined
  readonly frames: number
  /** Samples from the first frame's start to the audio's: whole frames. */
  readonly melOffset: number
  /** −1: no label. */
  readonly label: number
}

export interface Work {
  readonly parameters: Float32Array
  readonly clips: readonly ClipWork[]
  readonly squared?: boolean
  readonly gradients?: Float32Array
  readonly clipLosses?: Float32Array
  /** Set its one byte to stop. */
  readonly cancelled: Uint8Array
}

/** Mel frames on their way into a stream, `[bands × frames]`. */
export interface MelWork {
  readonly data: Float32Array
  readonly frames: number
  readonly last: boolean
}

/** A pass's next samples, and the mel frames that came before them. */
export interface PredictWork {
  /** Used where the stream is new. */
  readonly parameters: Float32Array
  readonly version: number
  readonly mels: readonly MelWork[]
  readonly pass: number
  readonly audio: Float32Array
  readonly last: boolean
  /** Room for all samples that were fed and have no ε yet, these included. */
  readonly noise: Float32Array
  readonly cancelled: Uint8Array
}

/** What work gives where the addon's memory does not suffice. */
export const OUT_OF_MEMORY = -2

export interface Addon {
  /** Instruction sets this processor runs, best first. */
  targets(): string[]
  create(shape: Int32Array, instructionSet: string, threads: number, memoryLimit: number): Handle
  /** The loss; −1: stopped; −2: memory does not suffice. Without gradients: noise, of the readable reference alone. */
  run(handle: Handle, work: Work): Promise<number>
  /** The first half of a batch's gradients: ε to the clips' noise. The engine must do nothing else before the second. */
  runForward(handle: Handle, work: Work): Promise<number>
  /** The second half: the same work, with ∂loss/∂ε as targets, and gradients. */
  runBackward(handle: Handle, work: Work): Promise<number>
  /** A clip's passes: `[passes × size]` sinusoids of their steps, and their output gains; label −1: none. */
  openStream(handle: Handle, sinusoids: Float32Array, gains: Float32Array, label: number): StreamHandle
  /** Samples of noise that were written; −1: stopped; −2: memory does not suffice; −3: refused. */
  predict(handle: Handle, stream: StreamHandle, work: PredictWork): Promise<number>
  closeStream(handle: Handle, stream: StreamHandle): void
  /** FLOP/s of multiply-adds on registers alone, all threads together. Blocks for some tenths of a second. */
  measurePeak(instructionSet: string, threads: number): number
  dispose(handle: Handle): void
}

const MAX_STRIDES = 6
const MAX_ENCODERS = 8

/** The network's shape in the order of native/binding.cc, `readShape`. */
export function shapeNumbers(network: NetworkConfig): Int32Array {
  const { mel } = network
  const strides = mel?.kind === 'transposed' ? mel.strides : []
  const encoder = mel?.kind === 'frame-rate' ? mel.encoder : []
  const fill = (values: readonly number[], length: number) => Array.from({ length }, (_, i) => values[i] ?? 0)
  return Int32Array.from([
    network.channels,
    network.layers,
    network.dilationCycle,
    network.patch,
    network.stepEmbedding.size,
    network.stepEmbedding.hidden,
    network.gate === 'tanh-sigmoid' ? 1 : 0,
    network.residual === 'after-step' ? 1 : 0,
    mel === null ? 0 : mel.kind === 'transposed' ? 1 : 2,
    mel?.bands ?? 0,
    mel === null ? 0 : melHop(mel),
    mel?.kind === 'transposed' && mel.sharing === 'per-layer' ? 1 : 0,
    network.labels?.length ?? 0,
    strides.length,
    encoder.length,
    network.inputMask === null ? 0 : 1,
    ...fill(strides, MAX_STRIDES),
    ...fill(encoder, MAX_ENCODERS),
  ])
}

let loaded: Addon | undefined

/** @throws DiffWaveError `ENGINE_UNAVAILABLE` */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  const platform = `${process.platform}-${process.arch}`
  const path = fileURLToPath(new URL(`../../../prebuilds/${platform}/diffwave.node`, import.meta.url))
  if (!existsSync(path)) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `the engine native cannot run: it is not built for ${platform}`, {
      where: path,
      hint: 'With a C++ compiler: `npx diffwave build-native`.',
    })
  }
  try {
    loaded = createRequire(import.meta.url)(path) as Addon
    return loaded
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `the engine native cannot run: ${reason}`, { where: path, cause })
  }
}

export function availableThreads(): number {
  return availableParallelism()
}
