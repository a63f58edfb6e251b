/** Models on the fake engine. */
import { Denoiser } from '#src/denoiser/denoiser'
import type { ModelConfig } from '#src/model/config'
import { type FakeEngine, fakeEngine } from './fake-engine.js'

export interface FakeModel extends Denoiser {
  readonly engine: FakeEngine
}

export function fakeModel(config: ModelConfig): FakeModel {
  return new Denoiser(config, fakeEngine(config.network)) as FakeModel
}
