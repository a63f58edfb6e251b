/**
 * An engine for data of a known distribution: x_0 is a stationary Gaussian process with the covariance
 * `deviation`²·ρ^|i − j| (first-order autoregressive). The best ε is therefore known in closed form,
 * E[ε|x_t] = √(1 − ᾱ)·(ᾱ·C + (1 − ᾱ)·I)⁻¹·x_t, and so are the right results of sampling.
 */
import type { Mel } from '#src/audio/mel/convention'
import { atSamples } from '#src/audio/mel/frames'
import { frameDeviations } from '#src/data-domain/energy-prior'
import { Denoiser } from '#src/denoiser/denoiser'
import { alphaBarAt, noiseSchedule } from '#src/diffusion/schedule'
import type { Engine, NoiseStream } from '#src/engines/engine'
import type { ModelConfig } from '#src/model/config'

export interface GaussianProcess {
  readonly deviation: number
  /** ρ. With 0 the process is white, and pieces may have any length. */
  readonly correlation: number
  /** Without correlation, the deviation of a frame's samples is multiplied by exp(the mean of its mel's bands). */
  readonly followsMel?: boolean
}

export function gaussianModel(
  config: ModelConfig,
  { deviation, correlation, followsMel = false }: GaussianProcess,
): Denoiser {
  const training = noiseSchedule(config.diffusion.training)
  const hop = config.mel?.hop ?? 1

  const predicted = (x: number, eps: number, alphaBar: number): number => {
    if (config.diffusion.prediction === 'epsilon') return eps
    const [alpha, sigma] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)]
    const clean = (x - sigma * eps) / alpha
    return config.diffusion.prediction === 'x0' ? clean : alpha * eps - sigma * clean
  }

  /** Computes the network's output for samples from `from` on. @param noise deviation of ε, default 1 */
  const output = (
    x: Float32Array,
    step: number,
    mel: readonly number[],
    from = 0,
    noise?: Float32Array,
  ): Float32Array => {
    const alphaBar = alphaBarAt(training, step)
    const sigma = Math.sqrt(1 - alphaBar)
    if (correlation > 0) {
      const whitened = solve({ signal: alphaBar * deviation ** 2, noise: 1 - alphaBar, correlation }, x)
      return x.map((value, i) => predicted(value, sigma * whitened[i]!, alphaBar))
    }
    return x.map((value, i) => {
      const scale = deviation * (!followsMel ? 1 : Math.exp(mel[Math.floor((from + i) / hop)]!))
      const unit = (noise?.[i] ?? 1) ** 2
      return predicted(value, (sigma * unit * value) / (alphaBar * scale ** 2 + (1 - alphaBar) * unit), alphaBar)
    })
  }
  const frameMeans = (mel: Mel): number[] =>
    Array.from({ length: mel.frames }, (_, frame) => {
      let sum = 0
      for (let band = 0; band < mel.bands; band++) sum += mel.data[band * mel.frames + frame]!
      return sum / mel.bands
    })

  const openStream: Engine['openStream'] = ({ steps }): NoiseStream => {
    const fed = steps.map(() => [] as number[])
    const mel: number[] = []
    return {
      latency: correlation === 0 ? 0 : Number.POSITIVE_INFINITY,
      pushMel(piece) {
        mel.push(...frameMeans(piece))
      },
      async predict(pass, audio, last) {
        const before = fed[pass]!.length
        fed[pass]!.push(...audio)
        if (correlation === 0) return output(audio, steps[pass]!, mel, before)
        return last ? output(Float32Array.from(fed[pass]!), steps[pass]!, mel) : new Float32Array(0)
      },
      dispose() {},
    }
  }
  const refuse = () => Promise.reject(new Error('not this engine'))
  return new Denoiser(config, {
    name: 'gaussian',
    device: 'none',
    network: config.network,
    openStream,
    predict: async ({ audio, steps, mel }) =>
      audio.map((clip, i) => {
        if (mel === undefined || config.mel === null) return output(clip, steps[i]!, [])
        const { prior } = config.diffusion
        const noise =
          prior?.kind === 'mel-energy'
            ? atSamples(frameDeviations(prior, config.mel, mel[i]!), config.mel, 0, clip.length)
            : undefined
        return output(clip, steps[i]!, frameMeans(mel[i]!), 0, noise)
      }),
    lossGradients: refuse,
    backward: refuse,
    setParameters: refuse,
    dispose: () => Promise.resolve(),
  })
}

interface Sum {
  /** Variances of the process and of the white noise. */
  readonly signal: number
  readonly noise: number
  readonly correlation: number
}

/**
 * Computes (signal·R + noise·I)⁻¹·x with the correlations R of the process. The inverse of R is tridiagonal, T: so the
 * result solves (signal·I + noise·T)·y = T·x, by elimination from the first row to the last and back.
 */
function solve({ signal, noise, correlation }: Sum, x: ArrayLike<number>): Float64Array {
  const last = x.length - 1
  const share = 1 / (1 - correlation ** 2)
  const beside = -correlation * share
  const y = new Float64Array(x.length)
  const pivots = new Float64Array(x.length)
  for (let i = 0; i <= last; i++) {
    const neighbours = Number(i > 0) + Number(i < last)
    const diagonal = share * (1 + correlation ** 2 * (neighbours - 1))
    y[i] = diagonal * x[i]! + beside * ((i > 0 ? x[i - 1]! : 0) + (i < last ? x[i + 1]! : 0))
    pivots[i] = signal + noise * diagonal
    if (i === 0) continue
    const factor = (noise * beside) / pivots[i - 1]!
    pivots[i]! -= factor * noise * beside
    y[i]! -= factor * y[i - 1]!
  }
  for (let i = last; i >= 0; i--) y[i] = (y[i]! - (i < last ? noise * beside * y[i + 1]! : 0)) / pivots[i]!
  return y
}
