/**
 * The names and packages of the backends. They have a file of their own, so that choosing one does not load
 * TensorFlow.js.
 */

/**
 * `cuda` is tfjs-node-gpu, `node` is tfjs-node (libtensorflow on the CPU), `wasm` and `cpu` belong to TensorFlow.js.
 */
export const backendNames = ['cuda', 'node', 'wasm', 'cpu'] as const
export type BackendName = (typeof backendNames)[number]

/** The optional package of each backend. npm installs tfjs-core, which all of them need, together with any of them. */
export const backendPackages: Readonly<Record<BackendName, string>> = {
  cuda: '@tensorflow/tfjs-node-gpu',
  node: '@tensorflow/tfjs-node',
  wasm: '@tensorflow/tfjs-backend-wasm',
  cpu: '@tensorflow/tfjs-backend-cpu',
}

/** The package that the network's code uses. Package managers other than npm install it only by name. */
export const corePackage = '@tensorflow/tfjs-core'
