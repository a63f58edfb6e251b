/** The backends' names, apart from the backends, so that choosing one does not load TensorFlow.js. */

/** `cuda`: tfjs-node-gpu; `node`: tfjs-node (libtensorflow on the CPU); `wasm` and `cpu`: shipped with this package. */
export const backendNames = ['cuda', 'node', 'wasm', 'cpu'] as const
export type BackendName = (typeof backendNames)[number]

/** The optional packages that bring a backend. */
export const backendPackages: Readonly<Partial<Record<BackendName, string>>> = {
  cuda: '@tensorflow/tfjs-node-gpu',
  node: '@tensorflow/tfjs-node',
}
