// The kernels on AMX tiles, with tiles in plain C++ (emulated-tiles.h).
#pragma once

#include "../kernels/tasks.h"

namespace diffwave {

/** Both are null unless a compiler that knows bfloat16 compiled for x86-64. They need AVX-512 with BF16. */
struct EmulatedAmx {
  const ForwardKernels* (*exact)();
  const ForwardKernels* (*fast)();
};
EmulatedAmx emulatedAmx();

}  // namespace diffwave
