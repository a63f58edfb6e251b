// What C++ exceptions need in the WebAssembly build besides the sources of libc++abi and libunwind that
// scripts/build-wasm.mjs compiles: the tag they are thrown with, and an end without printf.

// __cpp_exception: the tag of every C++ exception, with its address.
asm(".tagtype __cpp_exception i32\n"
    ".globl __cpp_exception\n"
    "__cpp_exception:\n");

extern "C" {

/** libc++abi calls this before std::terminate ends a program, with a text that nobody here could read. */
[[noreturn]] void __abort_message(const char*, ...) { __builtin_trap(); }
[[noreturn]] void abort() { __builtin_trap(); }

}  // extern "C"
