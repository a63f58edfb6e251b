import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'

const create: CreateEngine = (network, parameters, convention = null) =>
  createTensorflowEngine({ network, parameters, convention, backend: 'cpu' })
conformance('tensorflow:cpu', create)
// There is little that could differ from WASM: it runs the same graph.
agreesWithOracle('tensorflow:cpu', create, 2)
