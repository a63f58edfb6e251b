/**
 * What the model sounds like so far: a validation clip vocoded, or a clip generated, with its picture, for the event
 * log.
 */
import { labelAt } from '../audio/labels.js'
import { type Mel, namedConventions } from '../audio/mel/convention.js'
import { MelFeed } from '../audio/mel/feed.js'
import { melFrames, melSpectrogram } from '../audio/mel/mel.js'
import { drawAudio } from '../audio/picture.js'
import { Denoiser } from '../denoiser/denoiser.js'
import { createSampler } from '../diffusion/samplers/create.js'
import type { Engine } from '../engines/engine.js'
import type { ModelConfig } from '../model/config.js'
import { wholeClip } from '../synthesis/clip.js'
import type { Dataset } from '../training/data/dataset.js'
import type { Summary } from '../training/run/event-log.js'

/** Longest clip made, in seconds. */
const LONGEST = 3
const SEED = 1

/** @param engine with the weights to listen to */
export async function listen(engine: Engine, config: ModelConfig, data: Dataset): Promise<Summary[]> {
  const clip = data.validation[0] ?? data.training[0]!
  const samples = Float32Array.from(clip.samples.subarray(0, LONGEST * config.sampleRate), s => s / 32768)
  const original = { samples, sampleRate: config.sampleRate }
  const convention = config.mel ?? {
    ...namedConventions.lmnt,
    sampleRate: config.sampleRate,
    maxFrequency: config.sampleRate / 2,
  }
  const mel =
    clip.mel === undefined
      ? melSpectrogram(original, convention)
      : opening(clip.mel, melFrames(samples.length, convention))
  const model = new Denoiser(config, engine)
  const { samples: made } = await wholeClip(model, {
    sampler: createSampler(config.diffusion, {}),
    seed: SEED,
    input: config.mel === null ? { length: samples.length } : { mel: new MelFeed(mel, config.mel) },
    trim: samples.length,
    label:
      config.network.labels === null
        ? null
        : model.labelIndex(labelAt(clip.label, samples.length / config.sampleRate / 2)),
    guidance: config.diffusion.defaultGuidance,
  })
  const audio = { samples: made, sampleRate: config.sampleRate }
  return [
    { kind: 'audio', tag: 'model', audio },
    { kind: 'audio', tag: 'recording', audio: original },
    picture('model', drawAudio(made, config.sampleRate, melSpectrogram(audio, convention))),
    picture('recording', drawAudio(samples, config.sampleRate, mel)),
  ]
}

/** The first frames of a mel. */
function opening({ data, bands, frames }: Mel, count: number): Mel {
  const kept = Math.min(frames, count)
  const first = new Float32Array(bands * kept)
  for (let band = 0; band < bands; band++) first.set(data.subarray(band * frames, band * frames + kept), band * kept)
  return { data: first, bands, frames: kept }
}

/** A PNG with its size, which stands big-endian at byte 16 (PNG, section 11.2.2). */
function picture(tag: string, png: Uint8Array): Summary {
  const view = new DataView(png.buffer, png.byteOffset)
  return { kind: 'image', tag, png, width: view.getUint32(16), height: view.getUint32(20) }
}
