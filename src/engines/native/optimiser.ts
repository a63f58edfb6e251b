/** The update of the weights, and normal numbers, in the addon (native/training/optimiser.h, kernels/normal.h). */
import { gaussian } from '../../core/random.js'
import type { Engine, OptimiserKernels } from '../engine.js'
import type { Addon, Handle } from './addon.js'
import type { NativeQueue } from './queue.js'

/** The optimiser's kernels of one engine, which run in its queue. */
export function nativeOptimiser(addon: Addon, handle: Handle, queue: NativeQueue): OptimiserKernels {
  const done = async (work: () => Promise<number>) => {
    await queue.run(work)
  }
  return {
    norm: gradients => queue.run(() => addon.gradientNorm(handle, gradients)),
    add: (total, more) => done(() => addon.addGradients(handle, total, more)),
    scale: (gradients, factor) => done(() => addon.scaleGradients(handle, gradients, factor)),
    update: update => done(() => addon.adamUpdate(handle, update)),
  }
}

/** `gaussian` of src/core/random.ts by the addon, for all but the numbers that it leaves to JavaScript. */
export function nativeGaussian(addon: Addon, handle: Handle, queue: NativeQueue): NonNullable<Engine['gaussian']> {
  return (seed, draw, start, count) => {
    queue.checkAlive()
    const out = new Float32Array(count)
    for (const i of addon.gaussian(handle, { seed, draw, start, out })) {
      out.set(gaussian(seed, draw, start + i, 1), i)
    }
    return out
  }
}
