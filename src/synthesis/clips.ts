/** Makes whole clips without a mel in one batch. They differ only in seed and label. */
import type { OnProgress } from '../core/progress.js'
import { decodeWhole } from '../data-domain/data-domain.js'
import { type Denoiser, modelDomain } from '../denoiser/denoiser.js'
import { guided } from '../diffusion/guidance.js'
import { seededNoise } from '../diffusion/noise.js'
import { reverseBatch } from '../diffusion/reverse-batch.js'
import type { Sampler } from '../diffusion/samplers/sampler.js'
import { positionSamples } from '../model/network.js'
import { type OnStep, watchSteps } from './sampling-step.js'

interface ClipsRequest {
  readonly sampler: Sampler
  /** Samples per clip. */
  readonly length: number
  /** The seed of each clip, and the index of its label; null for no label. */
  readonly clips: readonly { readonly seed: number; readonly label: number | null }[]
  /** Weight w of classifier-free guidance for the clips with a label; 0 for no guidance. */
  readonly guidance: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
  readonly onStep?: OnStep | undefined
}

/** The samples of each clip, with the same bytes as from `wholeClip`. @throws as `reverseBatch` */
export async function wholeClips(model: Denoiser, request: ClipsRequest): Promise<Float32Array<ArrayBuffer>[]> {
  const { engine } = model
  const domain = modelDomain(model)
  const { diffusion, network } = model.config
  const { sampler, length, clips, guidance, signal, onStep } = request
  const isGuided = clips.map(({ label }) => guidance > 0 && label !== null)
  const labels = clips.map(clip => clip.label)
  const shape = domain.noise(null)
  const unit = positionSamples(network)
  const made = await reverseBatch({
    sampler,
    prediction: diffusion.prediction,
    noises: clips.map(({ seed }) => {
      const white = seededNoise(seed, engine.gaussian)
      return (draw, start, count) => shape((from, n) => white(draw, from, n), start, count)
    }),
    length: Math.ceil(length / unit) * unit,
    signal,
    onProgress: request.onProgress,
    onStep: onStep && clips.map((_, clip) => watchSteps(onStep, { domain, sampler, mel: null, length, clip })),
    async predict(audio, step) {
      // Guided clips are predicted a second time, without their label, in the same call.
      const again = audio.filter((_, i) => isGuided[i])
      const all = await engine.predict({
        audio: [...audio, ...again],
        steps: new Float64Array(audio.length + again.length).fill(step),
        ...(network.labels === null ? {} : { labels: [...labels, ...again.map(() => null)] }),
        ...(signal === undefined ? {} : { signal }),
      })
      let next = audio.length
      return isGuided.map((twice, i) => (twice ? guided(all[i]!, all[next++]!, guidance) : all[i]!))
    },
  })
  return made.map(data => decodeWhole(domain, data, null).slice(0, length))
}
