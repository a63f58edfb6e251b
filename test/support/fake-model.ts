/** Models on the fake engine. */
import { Model } from '#src/denoiser/denoiser'
import type { ModelConfig } from '#src/model/config'
import { type FakeEngine, fakeEngine } from './fake-engine.js'

export interface FakeModel extends Model {
  readonly engine: FakeEngine
}

export function fakeModel(config: ModelConfig): FakeModel {
  return new Model(config, fakeEngine(config.network)) as FakeModel
}
