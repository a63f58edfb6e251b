/** Types of the WebAssembly interface that is used here. TypeScript has them only in its library for pages. */

declare const brand: unique symbol
export interface WasmModule {
  readonly [brand]: 'module'
}

export interface WasmMemory {
  /** A new object whenever the memory has grown. */
  readonly buffer: ArrayBuffer
}

export interface WasmTable {
  get(index: number): unknown
}

export interface WasmGlobal {
  value: number
}

interface WebAssemblyApi {
  readonly Memory: new (type: {
    readonly initial: number
    readonly maximum: number
    readonly shared: boolean
  }) => WasmMemory
  readonly Module: {
    imports(module: WasmModule): readonly { readonly module: string; readonly name: string; readonly kind: string }[]
  }
  /** The class of traps. */
  readonly RuntimeError: new () => Error
  compile(bytes: Uint8Array): Promise<WasmModule>
  instantiate(
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ): Promise<{ readonly exports: unknown }>
  validate(bytes: Uint8Array): boolean
}

/** Undefined if the host has none. */
export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }
