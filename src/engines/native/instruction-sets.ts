/** The values of the native engine's options, in a file of their own: importing them does not load the engine. */

/** Instruction sets the kernels are compiled for; `scalar` is the readable reference. */
export const instructionSets = ['amx', 'avx512', 'avx2', 'neon', 'baseline', 'scalar'] as const
export type InstructionSet = (typeof instructionSets)[number]

/**
 * What the layers of a network multiply when it predicts: float32, or bfloat16 with sums in float32. Training always
 * takes float32.
 */
export const precisions = ['exact', 'fast'] as const
export type Precision = (typeof precisions)[number]

/** How long a stream may wait for later audio: `normal` with Winograd blocks, `low` for the receptive field alone. */
export const latencies = ['normal', 'low'] as const
export type Latency = (typeof latencies)[number]
