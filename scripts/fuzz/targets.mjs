// Lists the fuzz targets. Each is a parser with valid files, the changes that suit its format, and checks of accepted
// files.
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
