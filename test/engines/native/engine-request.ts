/** What tests of the addon's own functions pass to its `create`. */
import type { EngineRequest, NetworkShape } from '#src/engines/native/addon'
import type { InstructionSet } from '#src/engines/native/instruction-sets'
import { networkShape } from '#src/engines/native/network-shape'
import type { NetworkConfig } from '#src/model/network'

/** One thread, float32 and normal latency. @param changes replace what the network's shape says */
export function engineRequest(
  network: NetworkConfig,
  instructionSet: InstructionSet,
  changes: Partial<NetworkShape> = {},
): EngineRequest {
  const shape = { ...networkShape(network), ...changes }
  return { shape, instructionSet, threads: 1, memoryLimit: 2 ** 20, fast: false, winograd: true }
}
