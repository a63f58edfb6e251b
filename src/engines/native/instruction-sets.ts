/** The native engine's instruction sets, in a file of their own: importing them does not load the engine. */

/** Instruction sets the kernels are compiled for; `scalar` is the readable reference. */
export const instructionSets = ['amx', 'avx512', 'avx2', 'neon', 'baseline', 'scalar'] as const
export type InstructionSet = (typeof instructionSets)[number]
