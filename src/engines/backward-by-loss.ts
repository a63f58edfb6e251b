/**
 * The gradients of any loss, on an engine that knows only L1 and L2. If the caller's loss has gradient g at the N
 * outputs o, the mean squared error against the target o − g·N/2 has the same gradient. This takes a second forward
 * pass.
 */
import { defined } from '../core/defined.js'
import { checkLossRequest } from './check-batch.js'
import type { BackwardRequest, Engine } from './engine.js'
import { gradientsOf } from './snapshot.js'

/**
 * Only the batch of the request is passed on, because the caller's gradients already include any weights.
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
