/**
 * Measures how well a recording agrees with pulses, as it is and inverted. Requests and results are plain data, so that
 * threads can do it (data-threads.ts).
 */
import { melSpectrogram } from '../../audio/mel/mel.js'
import type { DataDomain } from '../../data-domain/data-domain.js'
import { domainOf } from '../../data-domain/domain-of.js'
import type { Polarity } from '../../data-domain/pulse-alignment.js'
import type { ModelConfig } from '../../model/config.js'
import { audioOf } from './recording.js'

export interface AgreementsRequest {
  /** 16-bit samples at the model's rate. */
  readonly samples: Int16Array
  /** Config of a model that starts from pulses, as JSON. */
  readonly model: string
}

/** The model of the last request and its data domain, which is kept because it takes time to make. */
let last: { readonly text: string; readonly model: ModelConfig; readonly domain: DataDomain } | null = null

/** Computes the agreements of a recording with the pulses of its mel; null if it is shorter than a frame. */
export function agreements({ samples, model: text }: AgreementsRequest): Polarity | null {
  if (last?.text !== text) {
    const model = JSON.parse(text) as ModelConfig
    last = { text, model, domain: domainOf(model) }
  }
  const { model, domain } = last
  const { hop, sampleRate } = model.mel!
  const length = Math.floor(samples.length / hop) * hop
  if (length === 0) return null
  const audio = audioOf(samples.subarray(0, length))
  return domain.pulsesOf!(melSpectrogram({ samples: audio, sampleRate }, model.mel!)).polarity(audio)
}
