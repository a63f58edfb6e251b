/** The native CPU engine: C++ kernels (native/) behind Node-API, which run off the event loop. */
import { DiffWaveError } from '../../core/errors.js'
import { envelopeOf } from '../../model/front-end/envelope.js'
import { checkParameters } from '../../model/parameters.js'
import type { Engine, RunnableNetwork } from '../engine.js'
import type { Latency, Precision } from '../modes.js'
import { nativeFrameChains } from './frame-chain.js'
import { nativeFrontEnd } from './front-end.js'
import { type InstructionSet, instructionSets } from './instruction-sets.js'
import { KernelEngine } from './kernel-engine.js'
import { availableThreads, loadAddon } from './load-addon.js'
import { nativeLosses } from './loss-kernels.js'
import { networkShape } from './network-shape.js'
import { nativeGaussian, nativeOptimiser } from './optimiser.js'

/** Part of the name of a device whose layers multiply bfloat16 numbers. */
export const BFLOAT16_DEVICE = ' with bfloat16'

export interface NativeOptions extends RunnableNetwork {
  readonly threads?: number
  readonly instructionSet?: InstructionSet
  /** `exact` or `fast` (see `EngineOptions.precision`). Default: `exact`. */
  readonly precision?: Precision
  /** `normal` or `low` (see `EngineOptions.latency`). Default: `normal`. */
  readonly latency?: Latency
  /** Bytes of working memory; what a batch takes is stated in native/training/training.h. Default: 2 GiB. */
  readonly memoryLimit?: number
}

const DEFAULT_MEMORY_LIMIT = 2 ** 31

/** @throws DiffWaveError `ENGINE_UNAVAILABLE`, `BAD_PARAMETERS` */
export async function createNativeEngine(options: NativeOptions): Promise<Engine> {
  const { network, parameters, threads = availableThreads(), memoryLimit = DEFAULT_MEMORY_LIMIT } = options
  const { precision = 'exact', latency = 'normal', ownsParameters = false } = options
  const addon = loadAddon()
  const checked = checkParameters(network, parameters, 'createEngine')
  const present = addon.targets()
  const instructionSet = options.instructionSet ?? present[0]!
  if (instructionSet !== 'scalar' && !present.includes(instructionSet)) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', 'this processor does not run the instruction set', {
      expected: `${present.join(', ')} or scalar`,
      got: instructionSet,
    })
  }
  const fast = precision === 'fast' && addon.fastTargets().includes(instructionSet)
  const winograd = latency === 'normal'
  const handle = addon.create({ shape: networkShape(network), instructionSet, threads, memoryLimit, fast, winograd })
  const frontEnd = instructionSet === 'scalar' ? undefined : nativeFrontEnd(addon, handle)
  const envelope = envelopeOf(network, options.convention ?? null, frontEnd)
  const device = `CPU, ${instructionSet}${fast ? BFLOAT16_DEVICE : ''}, ${threads} thread${threads === 1 ? '' : 's'}`
  return new KernelEngine({
    name: 'native',
    device,
    network,
    addon,
    handle,
    threads,
    isReference: instructionSet === 'scalar',
    latency: instructionSet === 'scalar' ? 'normal' : latency,
    parameters: checked,
    ownsParameters,
    envelope,
    ...(frontEnd === undefined
      ? {}
      : {
          extras: queue => ({
            frontEnd,
            optimiser: nativeOptimiser(addon, handle, queue),
            gaussian: nativeGaussian(addon, handle, queue),
            ...nativeFrameChains({ addon, handle, queue }),
            ...nativeLosses(addon, handle, queue),
          }),
        }),
  })
}

/**
 * Measures the FLOP/s that multiply-adds on registers reach, to compare the speed of kernels with. Blocks for some
 * tenths of a second.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`
 */
export function measurePeak(instructionSet: Exclude<InstructionSet, 'scalar'>, threads = availableThreads()): number {
  return loadAddon().measurePeak(instructionSet, threads)
}

/** Whether the engine runs here, and if not, why. */
export function surveyNative(): {
  readonly available: boolean
  readonly reason: string
  /** What to do if it does not run; empty if it does. */
  readonly hint: string
  readonly device: string
  readonly instructionSets: readonly InstructionSet[]
  /** The instruction sets that multiply bfloat16 numbers for `precision: 'fast'`. */
  readonly fastSets: readonly InstructionSet[]
} {
  try {
    const addon = loadAddon()
    const present = new Set<string>(addon.targets())
    const fast = new Set<string>(addon.fastTargets())
    const found = instructionSets.filter(name => present.has(name) || name === 'scalar')
    const fastSets = instructionSets.filter(name => fast.has(name))
    return { available: true, reason: '', hint: '', device: `CPU, ${found[0]}`, instructionSets: found, fastSets }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const hint = error instanceof DiffWaveError ? (error.hint ?? '') : ''
    return { available: false, reason, hint, device: 'CPU', instructionSets: [], fastSets: [] }
  }
}
