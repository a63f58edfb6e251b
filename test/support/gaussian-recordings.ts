/** Recordings of a stationary Gaussian process, and models of exactly this process. */
import { gaussian } from '#src/core/random'
import { Generator } from '#src/generator'
import { smallGeneratorConfig } from './configs.js'
import { gaussianModel } from './gaussian-engine.js'

const RATE = 8000
const deviation = 0.2
const correlation = 0.98
export const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 6 } as const
/** `diffusion.training` with its defaults spelled out. */
export const training = { ...diffusion.training, offset: 0.008, maxBeta: 0.999 } as const

export const generator = new Generator(gaussianModel(smallGeneratorConfig({ diffusion }), { deviation, correlation }))
/** The same with a signal scale of 5. */
export const scaledGenerator = new Generator(
  gaussianModel(smallGeneratorConfig({ diffusion: { ...diffusion, signalScale: 5, clamp: false } }), {
    deviation: 5 * deviation,
    correlation,
  }),
)
export const audio = (samples: Float32Array, sampleRate = RATE) => ({ samples, sampleRate })

/** Makes 300 samples of the process. */
export function recording(draw: number): Float32Array {
  const drive = gaussian(7, draw, 0, 300)
  const samples = drive.map(z => deviation * z)
  for (let i = 1; i < samples.length; i++) {
    samples[i] = correlation * samples[i - 1]! + deviation * Math.sqrt(1 - correlation ** 2) * drive[i]!
  }
  return samples
}
