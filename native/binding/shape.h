// A network's shape as JavaScript passes it, and the constants that both languages must agree on.
#pragma once

#include "../network.h"
#include "js.h"

namespace diffwave {

/** Reads and checks the object `NetworkShape` of src/engines/native/addon.ts, property by property. */
NetworkShape readShape(const Js& js, napi_value object);

/** constants() → an object, which src/engines/native/constants.ts checks */
napi_value constants(const Js& js, napi_value* arguments);

}  // namespace diffwave
