/** The arithmetic around a windowed front end in the addon (native/binding/front-end.cc). */
import type { FrontEndKernels } from '../../model/front-end/kernels.js'
import type { Addon, Handle } from './addon.js'
import { filterTables, unitRoots } from './mel-filters.js'

export function nativeFrontEnd(addon: Addon, handle: Handle): FrontEndKernels {
  return {
    envelope: ({ bands, updates, factor, triangle, outputs }) => {
      const { bins, convention, windowNorm } = bands
      const envelope = addon.openEnvelope(handle, {
        ...filterTables(bands),
        bins,
        bands: convention.bands,
        updates,
        factor,
        triangle,
        outputs,
        windowNorm,
        squared: convention.power === 2,
      })
      return targets => {
        const powers = new Float32Array((targets.length / convention.bands) * outputs)
        addon.envelopePowers(envelope, targets, powers)
        return powers
      }
    },
    windowFilter: ({ kernel, stride, bins, window }) => {
      const filter = addon.openWindowFilter(handle, { size: kernel, stride, bins, window, roots: unitRoots(kernel) })
      return (samples, gains, sums, magnitudes) => {
        if (gains.length > 0) addon.filterWindows(filter, { samples, gains, sums, magnitudes })
      }
    },
  }
}
