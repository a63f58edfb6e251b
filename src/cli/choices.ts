/**
 * The names that options accept. The help lists them, and every call loads the data of all commands. The names are
 * repeated here so that engines and schemas are not loaded with it: the compiler checks that no name is missing.
 */
import type { WavFormat } from '../audio/codecs/wav-bytes.js'
import type { ConventionName } from '../audio/mel/convention.js'
import type { MelLogarithm } from '../audio/mel/rescale.js'
import type { Precision } from '../engines/modes.js'
import type { engineNames } from '../engines/select.js'
import type { WeightType } from '../formats/numbers.js'
import type { SamplerName } from '../model/diffusion-config.js'

export type EngineChoice = (typeof engineNames)[number]

/** A list that must contain every name of a type. */
function all<Name extends string>() {
  return <const List extends readonly Name[]>(
    list: Exclude<Name, List[number]> extends never ? List : never,
  ): readonly Name[] => list
}

export const engineChoices = all<EngineChoice>()([
  'auto',
  'native',
  'wasm',
  'tensorflow',
  'tensorflow:cuda',
  'tensorflow:node',
  'tensorflow:wasm',
  'tensorflow:cpu',
])
export const precisionChoices = all<Precision>()(['exact', 'fast'])
export const samplerChoices = all<SamplerName>()(['ddpm', 'ddim', 'dpm-solver++'])
export const formatChoices = all<WavFormat>()(['16', '24', '32f'])
export const conventionChoices = all<ConventionName>()(['lmnt', 'tacotron2', 'hifigan', 'amphion', 'vocos'])
export const weightTypeChoices = all<WeightType>()(['F32', 'F16', 'BF16'])
export const melLogChoices = all<MelLogarithm>()(['ln', 'log10', 'db', 'none'])
