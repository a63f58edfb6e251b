/** The native CPU engine: own C++ kernels behind Node-API (native/). */
import { DiffWaveError } from '../errors.js'
import type { NetworkConfig } from '../model/config.js'
import type { Tensors } from '../tensor.js'
import type { Engine } from './engine.js'

/** Instruction sets the kernels are compiled for; `scalar` is the readable reference. */
export const instructionSets = ['avx512', 'avx2', 'baseline', 'neon', 'scalar'] as const
export type InstructionSet = (typeof instructionSets)[number]

export interface NativeOptions {
  readonly network: NetworkConfig
  readonly parameters: Tensors
  readonly threads?: number
  readonly instructionSet?: InstructionSet
}

const NOT_BUILT = 'the engine native cannot run: its addon is not built'

/** @throws DiffWaveError `ENGINE_UNAVAILABLE` */
export async function createNativeEngine(_options: NativeOptions): Promise<Engine> {
  throw new DiffWaveError('ENGINE_UNAVAILABLE', NOT_BUILT)
}

/** Whether the engine runs here, and if not, why. */
export function surveyNative(): {
  readonly available: boolean
  readonly reason: string
  readonly device: string
  readonly instructionSets: readonly InstructionSet[]
} {
  return { available: false, reason: NOT_BUILT, device: 'CPU', instructionSets: [] }
}
