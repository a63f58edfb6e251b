// The addon's functions, except for those of addon.cc, with their arguments and results. src/engines/native/addon.ts
// has the same list in TypeScript.
#pragma once

#include "js.h"

namespace diffwave {

// batch.cc
/** run(engine, request) → Promise<loss, or a negative result>. Without gradients the reference writes predictions. */
napi_value run(const Js& js, napi_value* arguments);
/** runForward(engine, request) → Promise<0, or a negative result>. Writes each clip's prediction. */
napi_value runForward(const Js& js, napi_value* arguments);
/** runBackward(engine, the same request with ∂loss/∂prediction as targets, and gradients) → Promise<0 or cancelled> */
napi_value runBackward(const Js& js, napi_value* arguments);

// optimiser.cc: lists of arrays have one Float32Array per parameter
/** gradientNorm(engine, gradients) → Promise<norm> */
napi_value gradientNorm(const Js& js, napi_value* arguments);
/** addGradients(engine, total, more) → Promise<0> */
napi_value addGradients(const Js& js, napi_value* arguments);
/** scaleGradients(engine, gradients, factor) → Promise<0> */
napi_value scaleGradients(const Js& js, napi_value* arguments);
/**
 * adamUpdate(engine, { weights, gradients, first, second, average, beta1, beta2, epsilon, stepSize, root,
 * gradientScale, averageDecay }) → Promise<0>
 */
napi_value adamUpdate(const Js& js, napi_value* arguments);
/** gaussian(engine, { seed, draw, start, out }) → indices of the numbers that JavaScript must compute itself */
napi_value gaussian(const Js& js, napi_value* arguments);

// stream.cc
/**
 * packWeights(engine, parameters, version) → Promise<0, or a negative result>. Does in advance what the first stream of
 * these parameters would do.
 */
napi_value packWeights(const Js& js, napi_value* arguments);
/** openStream(engine, sinusoids [passes × embedding], gains [passes], label or −1) → stream */
napi_value openStream(const Js& js, napi_value* arguments);
/**
 * predict(engine, stream, request) → Promise<samples written, or a negative result>. After a negative result, or once
 * all of its passes have ended, the stream cannot be used.
 * request: { parameters, version, mels: [{ data, frames, last }], pass, audio, last, prediction, cancelled }
 */
napi_value predict(const Js& js, napi_value* arguments);
/**
 * predictTogether(engine, streams, requests, results) → Promise<0, or a negative result>. Runs several streams at once,
 * on one thread each. Each number of the Float64Array becomes what `predict` resolves to.
 */
napi_value predictTogether(const Js& js, napi_value* arguments);
/** closeStream(engine, stream): frees the stream's memory now. */
napi_value closeStream(const Js& js, napi_value* arguments);

// frame-chain.cc
/** openFrameChain(engine, { operation, size, hop, bands, … }) → chain of passes over one clip's frames */
napi_value openFrameChain(const Js& js, napi_value* arguments);
/**
 * pushFrameChain(engine, chain, { audio, last, targets, prediction, cancelled }) → Promise<samples written, or a
 * negative result>. The chain cannot be used after the last audio.
 */
napi_value pushFrameChain(const Js& js, napi_value* arguments);
/** closeFrameChain(engine, chain): frees the chain's memory now. */
napi_value closeFrameChain(const Js& js, napi_value* arguments);

// audio-loss.cc
/** openSpectralFrames({ size, window, roots }) → tables for one window length */
napi_value openSpectralFrames(const Js& js, napi_value* arguments);
/**
 * spectralTerms(engine, [{ frames, kind, made, wanted, bins, weight, offset, counts, gradient, sums, ratios }],
 * cancelled) → Promise<0, or a negative result>
 */
napi_value spectralTerms(const Js& js, napi_value* arguments);
/**
 * correctionGradient(engine, chain of a correction, [{ input, byResult, targets, gradient }], cancelled) → Promise<0,
 * or a negative result>. Computes the gradient of one pass. Only the chain's settings are used.
 */
napi_value correctionGradient(const Js& js, napi_value* arguments);

// front-end.cc: these run on the caller's thread
/** openEnvelope(engine, { bins, bands, updates, … }) → envelope */
napi_value openEnvelope(const Js& js, napi_value* arguments);
/** envelopePowers(envelope, targets [frames × bands], out [frames × outputs]) */
napi_value envelopePowers(const Js& js, napi_value* arguments);
/** openWindowFilter(engine, { size, stride, bins, window, roots }) → filter */
napi_value openWindowFilter(const Js& js, napi_value* arguments);
/**
 * filterWindows(filter, { samples, gains [positions × bins], sums, magnitudes? [positions × bins] }): adds the samples'
 * windows times their gains, with the minimum phase of the magnitudes.
 */
napi_value filterWindows(const Js& js, napi_value* arguments);

#ifdef __GLIBC__
// free-memory.cc
/** releaseFreeMemory(engine) → Promise<0>. Gives all free memory of the process back to the system. */
napi_value releaseFreeMemory(const Js& js, napi_value* arguments);
#endif

}  // namespace diffwave
