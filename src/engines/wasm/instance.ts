/** An instance of the kernels in its worker, with its memory, its exports and the functions of the binding. */
import { NodeApi } from './node-api.js'
import { type WasmGlobal, type WasmMemory, type WasmModule, type WasmTable, WebAssembly } from './webassembly.js'

/** The exports of native/platform/wasm/ and of the linker (scripts/build-wasm.mjs). */
interface Exports {
  _initialize(): void
  malloc(bytes: number): number
  free(address: number): void
  napi_register_module_v1(env: number, exports: number): number
  readonly __indirect_function_table: WasmTable
  readonly __stack_pointer: WasmGlobal
  readonly __tls_size: WasmGlobal
  readonly __tls_align: WasmGlobal
  __wasm_init_tls(address: number): void
  diffwaveOfferThreads(count: number): void
  diffwaveThread(number: number): void
}

/** Instantiates a module. @returns its exports, and Node-API on it */
export async function instantiate(
  module: WasmModule,
  memory: WasmMemory,
): Promise<{ readonly exports: Exports; readonly api: NodeApi }> {
  const api = new NodeApi(memory)
  const functionsOf = (name: string) =>
    WebAssembly.Module.imports(module)
      .filter(entry => entry.module === name && entry.kind === 'function')
      .map(entry => entry.name)
  // libc++ prints a message before it aborts. The trap that follows is enough.
  const silent = Object.fromEntries(functionsOf('wasi_snapshot_preview1').map(name => [name, () => 8]))
  const instance = await WebAssembly.instantiate(module, {
    env: { memory },
    diffwave: { now: () => performance.now() },
    napi: api.imports(functionsOf('napi')),
    wasi_snapshot_preview1: silent,
  })
  return { exports: instance.exports as unknown as Exports, api }
}
