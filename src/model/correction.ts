/** Changes the number of passes of a model's correction towards the mel. */
import { DiffWaveError } from '../core/errors.js'
import type { ModelConfig } from './config.js'
import { correctionSchema } from './network.js'

/**
 * A config with another number of passes in `network.frontEnd.correction`. The correction has no weights, so a model
 * can run without the correction that it was trained with, or with one that it was not trained with.
 *
 * @param passes number of passes; 0 for no correction
 * @throws DiffWaveError `BAD_OPTION` if the network has no envelope, which a correction needs
 */
export function withCorrectionPasses(config: ModelConfig, passes: number): ModelConfig {
  const { frontEnd } = config.network
  if (frontEnd === null || frontEnd.envelope === null) {
    throw new DiffWaveError('BAD_OPTION', 'this model cannot be corrected towards its mel', {
      expected: 'a network with a windowed front end and an envelope',
      where: 'correction',
      hint: 'Phase refinement (refine, --refine) works with every vocoder.',
    })
  }
  const correction = passes === 0 ? null : { ...(frontEnd.correction ?? correctionSchema.parse({})), passes }
  return { ...config, network: { ...config.network, frontEnd: { ...frontEnd, correction } } }
}
