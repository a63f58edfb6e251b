/** The backends' names and packages, apart from the backends, so that choosing one does not load TensorFlow.js. */

/** `cuda`: tfjs-node-gpu; `node`: tfjs-node (libtensorflow on the CPU); `wasm` and `cpu`: TensorFlow.js's own. */
export const backendNames = ['cuda', 'node', 'wasm', 'cpu'] as const
export type BackendName = (typeof backendNames)[number]

/** The optional package that brings each backend. npm installs tfjs-core, which all of them need, with any of them. */
export const backendPackages: Readonly<Record<BackendName, string>> = {
  cuda: '@tensorflow/tfjs-node-gpu',
  node: '@tensorflow/tfjs-node',
  wasm: '@tensorflow/tfjs-backend-wasm',
  cpu: '@tensorflow/tfjs-backend-cpu',
}

/** The package that the network is written with. Package managers other than npm have to be asked for it by name. */
export const corePackage = '@tensorflow/tfjs-core'
