/** What the wasm engine needs of the program it runs in: Node.js (node-host.ts) or a browser (src/browser/). */

/** The builds of the kernels, best first. `relaxed-simd` has fused multiply-add. */
export const wasmInstructionSets = ['relaxed-simd', 'simd128'] as const
export type WasmInstructionSet = (typeof wasmInstructionSets)[number]

/** The caller's side of the channel to a worker. */
export interface HostWorker {
  post(message: unknown): void
  onMessage(handle: (message: unknown) => void): void
  /** The worker ended by itself. */
  onEnd(handle: (reason: string) => void): void
  /** Whether an answer is due, for which the program must not end. */
  keepAlive(due: boolean): void
  terminate(): Promise<unknown>
}

export interface WasmHost {
  /** The binary of a build. */
  binary(instructionSet: WasmInstructionSet): Promise<Uint8Array>
  startWorker(): HostWorker
  /** What to look at if a worker does not start, or a binary does not compile. */
  readonly startHint?: string
  /** Whether memory can be shared between threads: always in Node.js, in a page if it is cross-origin isolated. */
  readonly sharesMemory: boolean
}
