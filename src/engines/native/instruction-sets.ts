/** The native engine's instruction sets and precisions by name, apart from it, so that naming one does not load it. */

/** Instruction sets the kernels are compiled for; `scalar` is the readable reference. */
export const instructionSets = ['amx', 'avx512', 'avx2', 'neon', 'baseline', 'scalar'] as const
export type InstructionSet = (typeof instructionSets)[number]

/**
 * What the layers of a network multiply when it predicts: float32, or bfloat16 with sums in float32. Training always
 * takes float32.
 */
export const precisions = ['exact', 'fast'] as const
export type Precision = (typeof precisions)[number]
