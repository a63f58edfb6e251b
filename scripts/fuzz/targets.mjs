// What is fuzzed: each parser with valid files to begin with, the changes that suit its format, and what an accepted
// file must be.
import { audioTargets } from './audio-targets.mjs'
import { modelTargets } from './model-targets.mjs'
import { tensorTargets } from './tensor-targets.mjs'
import { textTargets } from './text-targets.mjs'

/**
 * @type {readonly {
 *   name: string,
 *   seeds: Uint8Array[],
 *   mutate: Function,
 *   parse: (bytes: Uint8Array) => unknown,
 *   decode?: (bytes: Uint8Array) => Promise<{ samples: Float32Array }>,
 * }[]}
 */
export const targets = [...audioTargets, ...tensorTargets, ...textTargets, ...modelTargets]
