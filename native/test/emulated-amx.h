// The kernels on AMX tiles with tiles in plain C++ (emulated-tiles.h).
#pragma once

#include "../kernels/tasks.h"

namespace diffwave {

/** Null unless the program was compiled for x86-64 by a compiler that knows bfloat16. They need AVX-512 with BF16. */
struct EmulatedAmx {
  const ForwardKernels* (*exact)();
  const ForwardKernels* (*fast)();
};
EmulatedAmx emulatedAmx();

}  // namespace diffwave
