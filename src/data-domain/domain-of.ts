/**
 * Makes the data domain that a model's config describes. Only this file and the config's schema know which domains
 * exist.
 */
import type { ModelConfig } from '../model/config.js'
import type { FrontEndKernels } from '../model/front-end/kernels.js'
import type { DataDomain } from './data-domain.js'
import { EnergyPriorDomain } from './energy-prior.js'
import { EnvelopePriorDomain } from './envelope-prior.js'
import { FrontEndPriorDomain } from './front-end-prior.js'
import { SpectralEnvelope } from './spectral-envelope.js'
import { SubbandsDomain } from './subbands.js'
import { WaveformDomain } from './waveform.js'

/**
 * Makes a domain. This builds tables, such as the mel's filters for an envelope, so call it once per model.
 *
 * @param kernels faster code of an engine, with the same bytes. Default: none
 */
export function domainOf({ network, mel, diffusion }: DomainConfig, kernels?: FrontEndKernels): DataDomain {
  const { prior, signalScale, subbands } = diffusion
  if (subbands !== null) return new SubbandsDomain(subbands)
  if (mel === null || prior === null) return new WaveformDomain(signalScale)
  switch (prior.kind) {
    case 'mel-energy':
      return new EnergyPriorDomain(mel, prior, signalScale)
    case 'mel-envelope':
      return new EnvelopePriorDomain(new SpectralEnvelope(mel, prior), signalScale)
    case 'front-end':
      if (network.frontEnd === null) throw new TypeError('a front-end prior without a front end')
      return new FrontEndPriorDomain(network.frontEnd, mel, prior.harmonics, kernels)
  }
}

/** The fields of a model's config that decide its domain. */
export interface DomainConfig {
  readonly network: Pick<ModelConfig['network'], 'frontEnd'>
  readonly mel: ModelConfig['mel']
  readonly diffusion: Pick<ModelConfig['diffusion'], 'prior' | 'signalScale' | 'subbands'>
}
