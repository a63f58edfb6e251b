/**
 * What a piece of work resolves to if it has no result. This module imports nothing: every thread of the wasm engine
 * loads it, and would otherwise load the schemas of models with it.
 */
export const CANCELLED = -1
export const OUT_OF_MEMORY = -2
export const REFUSED = -3
