/**
 * Shows in the event log what a model sounds like so far: a validation clip that it vocoded, or a clip that it
 * generated, each with its spectrogram.
 */
import { namedConventions } from '../audio/mel/convention.js'
import { MelFeed } from '../audio/mel/feed.js'
import { sliceMel } from '../audio/mel/frames.js'
import { melFrames, melSpectrogram } from '../audio/mel/mel.js'
import { drawAudio } from '../audio/picture.js'
import { Denoiser } from '../denoiser/denoiser.js'
import { createSampler } from '../diffusion/samplers/create.js'
import type { Engine } from '../engines/engine.js'
import type { Summary } from '../formats/tfevents-writer.js'
import type { ModelConfig } from '../model/config.js'
import { wholeClip } from '../synthesis/clip.js'
import { clipAudio, cropLabel } from './data/crop.js'
import type { Dataset } from './data/dataset.js'

/**
 * Renders what the event log shows of a model, with the weights that the engine has at the moment.
 *
 * @returns audio and pictures, each with its tag
 */
export type Preview = (engine: Engine, model: ModelConfig, data: Dataset) => Promise<readonly Summary[]>

/** Max length of a preview in seconds: enough for a sentence. */
const MAX_SECONDS = 3
const SEED = 1

/** The default preview: the first validation clip as the model renders it, and its recording. */
export const previewClip: Preview = async (engine, config, data) => {
  const clip = data.validation[0] ?? data.training[0]!
  const samples = clipAudio(clip).slice(0, MAX_SECONDS * config.sampleRate)
  const recording = { samples, sampleRate: config.sampleRate }
  const convention = config.mel ?? {
    ...namedConventions.lmnt,
    sampleRate: config.sampleRate,
    maxFrequency: config.sampleRate / 2,
  }
  const mel =
    clip.mel === undefined
      ? melSpectrogram(recording, convention)
      : sliceMel(clip.mel, 0, Math.min(clip.mel.frames, melFrames(samples.length, convention)))
  const denoiser = new Denoiser(config, engine)
  const { samples: output } = await wholeClip(denoiser, {
    sampler: createSampler(config.diffusion, {}),
    seed: SEED,
    input: config.mel === null ? { length: samples.length } : { mel: new MelFeed(mel, config.mel) },
    trim: samples.length,
    label: cropLabel(clip, config, 0, samples.length),
    guidance: config.diffusion.defaultGuidance,
  })
  const audio = { samples: output, sampleRate: config.sampleRate }
  return [
    { kind: 'audio', tag: 'model', audio },
    { kind: 'audio', tag: 'recording', audio: recording },
    picture(
      'model',
      drawAudio(output, config.sampleRate, melSpectrogram(audio, convention), { convention, title: 'model' }),
    ),
    picture('recording', drawAudio(samples, config.sampleRate, mel, { convention, title: 'recording' })),
  ]
}

/** Makes a summary of a PNG. Its size is stored big-endian from byte 16 on (PNG, section 11.2.2). */
function picture(tag: string, png: Uint8Array): Summary {
  const view = new DataView(png.buffer, png.byteOffset)
  return { kind: 'image', tag, png, width: view.getUint32(16), height: view.getUint32(20) }
}
