import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'

const create: CreateEngine = (network, parameters, convention = null) =>
  createTensorflowEngine({ network, parameters, convention, backend: 'cpu' })
// Slow, and there is little that could differ from WASM: it runs the same graph. What is left out has only operations
// of the other networks.
conformance('tensorflow:cpu', create, {
  references: ['lmnt-conditional-c8-l6', 'philsyn-c8-l4-zip'],
  without: ['unconditional', 'learned windows of a generator', 'overlapping windows of a generator'],
})
agreesWithOracle('tensorflow:cpu', create, 2)
