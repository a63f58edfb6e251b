import type { NetworkConfig } from '../../dist/model/config.js'
import type { Tensors } from '../../dist/core/tensor.js'

export declare function onnxNetwork(network: NetworkConfig, parameters: Tensors): Uint8Array
export declare function onnxSplit(
  network: NetworkConfig,
  parameters: Tensors,
): { readonly mel: Uint8Array; readonly step: Uint8Array }
