/**
 * The services that the wasm engine needs from its host, which is Node.js (node-host.ts) or a browser (src/browser/).
 */

/** The builds of the kernels, best first. `relaxed-simd` has fused multiply-add. */
export const wasmInstructionSets = ['relaxed-simd', 'simd128'] as const
export type WasmInstructionSet = (typeof wasmInstructionSets)[number]

/** The caller's side of the channel to a worker. */
export interface HostWorker {
  post(message: unknown): void
  onMessage(handle: (message: unknown) => void): void
  /** Called when the worker has ended by itself. */
  onEnd(handle: (reason: string) => void): void
  /** Keeps the program alive while an answer is pending. */
  keepAlive(due: boolean): void
  terminate(): Promise<unknown>
}

export interface WasmHost {
  /** The binary of a build. */
  binary(instructionSet: WasmInstructionSet): Promise<Uint8Array>
  startWorker(): HostWorker
  /** A hint for the case that a worker does not start or a binary does not compile. */
  readonly startHint?: string
  /** Seconds after which a worker that has not answered does not start. Default: no limit. */
  readonly startSeconds?: number | undefined
  /** Whether threads share memory. In Node.js they do. In a page they do if it is cross-origin isolated. */
  readonly sharesMemory: boolean
}
