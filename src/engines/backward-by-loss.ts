/**
 * Any loss's gradients on an engine that knows two losses only: the gradient g of N outputs o is that of their mean
 * squared error against o − g·N/2. It costs a second forward pass.
 */
import { defined } from '../core/defined.js'
import { checkLossRequest } from './check-batch.js'
import type { BackwardRequest, Engine } from './engine.js'
import { gradientsOf } from './snapshot.js'

/**
 * What a request has besides its batch does not count: a caller's weights are in its gradients already.
 *
 * @throws as `Engine.backward`
 */
export async function backwardByLoss(
  engine: Pick<Engine, 'network' | 'predict' | 'lossGradients'>,
  request: BackwardRequest,
): Promise<ReadonlyMap<string, Float32Array>> {
  const { audio, steps, mel, labels, signal } = request
  const batch = { audio, steps, ...defined({ mel, labels, signal }) }
  const outputs = await engine.predict(batch)
  const given = await gradientsOf(request, outputs, null)
  checkLossRequest(engine.network, { ...batch, target: given, loss: 'l2' })
  const samples = outputs.reduce((sum, output) => sum + output.length, 0)
  const target = outputs.map((output, i) => output.map((o, n) => o - (given[i]![n]! * samples) / 2))
  const { gradients } = await engine.lossGradients({ ...batch, target, loss: 'l2' })
  return gradients
}
