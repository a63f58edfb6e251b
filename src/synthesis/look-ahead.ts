/** How far a stream looks ahead. */
import { correctionLag } from '../audio/mel/correction.js'
import { refinementLookAhead } from '../audio/mel/phase-refinement.js'
import type { DataDomain } from '../data-domain/data-domain.js'
import { domainOf } from '../data-domain/domain-of.js'
import { streamLag } from '../engines/windowed/stream-lag.js'
import type { ModelConfig } from '../model/config.js'
import { melContext, melHop, positionSamples } from '../model/network.js'

/**
 * Samples that come in before one is final: each pass lags behind the pass before it (`streamLag`, the native engine's,
 * and that of a correction towards the mel), the mel's frames reach further than the samples they cover, the data
 * domain looks ahead (by a window under a mel-envelope prior, by half a block in subbands), and so does each iteration
 * of a phase refinement.
 */
export function lookAhead(
  config: ModelConfig,
  steps: number,
  iterations: number = config.diffusion.refinement?.iterations ?? 0,
  domain: DataDomain = domainOf(config),
): number {
  const { network, mel } = config
  const corrected = mel === null ? 0 : correctionLag(mel, network.frontEnd?.correction?.passes ?? 0)
  const passes = steps * (streamLag(network) * positionSamples(network) + corrected)
  const frames =
    network.mel === null ? 0 : (Math.max(melContext(network.mel), domain.melContext) + 1) * melHop(network.mel)
  return passes + frames + domain.lookAhead + (mel === null ? 0 : refinementLookAhead(mel, iterations))
}
