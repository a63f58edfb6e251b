// What other entry points need of a frame chain.
#pragma once

#include "../inference/frame-chain.h"
#include "engine.h"

namespace diffwave {

/** The settings of the chain behind a handle, which must be of this engine. */
FrameChainSettings* frameChainSettings(const Js& js, const Engine* engine, napi_value handle);

}  // namespace diffwave
