/** The look-ahead of a stream: how much audio must come in before its first sample is final. */
import { correctionLag } from '../audio/mel/correction.js'
import { refinementLookAhead } from '../audio/mel/phase-refinement.js'
import type { DataDomain } from '../data-domain/data-domain.js'
import { domainOf } from '../data-domain/domain-of.js'
import type { Latency } from '../engines/modes.js'
import { streamLag } from '../engines/streaming.js'
import type { ModelConfig } from '../model/config.js'
import { defaultIterations } from '../model/diffusion-config.js'
import { melContext, melHop, positionSamples } from '../model/network.js'

/** What the look-ahead depends on beside the model. */
export interface LookAheadOptions {
  /** Number of steps of the reverse process. */
  readonly steps: number
  /** Iterations of phase refinement. Default: the model's. */
  readonly iterations?: number
  /** The model's data domain, if it is at hand. */
  readonly domain?: DataDomain
  /** The engine's latency. Default: `normal`. */
  readonly latency?: Latency | undefined
}

/**
 * An upper bound of the look-ahead in samples. It is the sum of what each part needs:
 *
 * - Each pass lags behind the one before, by the network's receptive field (`streamLag`) and its correction to the mel.
 * - The mel encoder sees frames beyond the one that a sample lies in.
 * - The data domain needs a window under a mel-envelope prior, half a block in subbands.
 * - Each iteration of phase refinement looks at overlapping windows.
 */
export function lookAhead(
  config: ModelConfig,
  {
    steps,
    iterations = defaultIterations(config.diffusion),
    domain = domainOf(config),
    latency = 'normal',
  }: LookAheadOptions,
): number {
  const { network, mel } = config
  const corrected = mel === null ? 0 : correctionLag(mel, network.frontEnd?.correction?.passes ?? 0)
  const passes = steps * (streamLag(network, latency) * positionSamples(network) + corrected)
  const frames =
    network.mel === null ? 0 : (Math.max(melContext(network.mel), domain.melContext) + 1) * melHop(network.mel)
  return passes + frames + domain.lookAhead + (mel === null ? 0 : refinementLookAhead(mel, iterations))
}
