import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'

const create: CreateEngine = (network, parameters, convention = null) =>
  createTensorflowEngine({ network, parameters, convention, backend: 'cpu' })
// Slow, and there is little that could differ from WASM: it runs the same graph. These two have every operation of it.
conformance('tensorflow:cpu', create, { references: ['lmnt-conditional-c8-l6', 'philsyn-c8-l4-zip'] })
agreesWithOracle('tensorflow:cpu', create, 2)
