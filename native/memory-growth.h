// How the threads of the WebAssembly build learn of each other's memory (platform/wasm/allocator.cc).
#pragma once

extern "C" {

/**
 * Lets this thread see the memory that others have added. Call it after another thread has handed work over.
 *
 * V8 without a trap handler (Deno 2.9, `node --disable-wasm-trap-handler`) compares addresses with a size that each
 * thread keeps. A thread learns of another's memory.grow some instructions too late, and until then an address in the
 * new pages is out of its bounds. A memory.grow of its own, also by nothing, brings its size up to date.
 */
void diffwaveSeeGrowth();
}
