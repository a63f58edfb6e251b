/** Another number of passes for a model's correction towards the mel. */
import { DiffWaveError } from '../core/errors.js'
import type { ModelConfig } from './config.js'

/** Updates per pass if the model does not say. */
const ITERATIONS = 5

/**
 * The config with so many passes of `network.frontEnd.correction`. Its weights stay what they are: a model may do
 * without a correction that it was trained with, or have one that it was not.
 *
 * @param passes 0: no correction
 * @throws DiffWaveError `BAD_OPTION` if the network has no envelope, which a correction needs
 */
export function withCorrectionPasses(config: ModelConfig, passes: number): ModelConfig {
  const { frontEnd } = config.network
  if (frontEnd === null || frontEnd.envelope === null) {
    throw new DiffWaveError('BAD_OPTION', 'this model cannot be corrected towards its mel', {
      expected: 'a network behind windows with an envelope',
      where: 'correction',
      hint: 'Phase refinement (refine, --refine) works with every vocoder.',
    })
  }
  const iterations = frontEnd.correction?.iterations ?? ITERATIONS
  const correction = passes === 0 ? null : { passes, iterations }
  return { ...config, network: { ...config.network, frontEnd: { ...frontEnd, correction } } }
}
