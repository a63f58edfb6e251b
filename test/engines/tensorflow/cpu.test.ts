import type { Tensors } from '#src/core/tensor'
import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import type { NetworkConfig } from '#src/model/network'
import { conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'

const create = (network: NetworkConfig, parameters: Tensors) =>
  createTensorflowEngine({ network, parameters, backend: 'cpu' })
conformance('tensorflow:cpu', create)
// There is little that could differ from WASM: it runs the same graph.
agreesWithOracle('tensorflow:cpu', create, 2)
