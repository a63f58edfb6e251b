/**
 * An engine for data of a known distribution: x_0 is a stationary Gaussian process with the covariance
 * `deviation`²·ρ^|i − j| (first-order autoregressive). The best ε is therefore known in closed form,
 * E[ε|x_t] = √(1 − ᾱ)·(ᾱ·C + (1 − ᾱ)·I)⁻¹·x_t, and so are the right results of sampling.
 */
import assert from 'node:assert/strict'
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

  /** Cholesky factors of ᾱ·C + (1 − ᾱ)·I, by length and ᾱ. */
  const factors = new Map<string, Float64Array[]>()
  const factor = (n: number, alphaBar: number) => {
    const key = `${n} ${alphaBar}`
    const known = factors.get(key)
    if (known !== undefined) return known
    assert.ok(n <= 400, 'a dense covariance of a long clip')
    const byDistance = Array.from({ length: n }, (_, d) => alphaBar * deviation ** 2 * correlation ** d)
    const covariance = byDistance.map((_, i) => {
      const row = new Float64Array(n).map((_, j) => byDistance[Math.abs(i - j)]!)
      row[i]! += 1 - alphaBar
      return row
    })
    const lower = cholesky(covariance)
    factors.set(key, lower)
    return lower
  }

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
      return Float32Array.from(solve(factor(x.length, alphaBar), x), (value, i) =>
        predicted(x[i]!, sigma * value, alphaBar),
      )
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

/** Computes the lower factor L of a symmetric positive definite A = L·Lᵀ in place. */
function cholesky(a: Float64Array[]): Float64Array[] {
  for (let j = 0; j < a.length; j++) {
    const column = a[j]!
    for (let i = j; i < a.length; i++) {
      const row = a[i]!
      let sum = row[j]!
      for (let k = 0; k < j; k++) sum -= row[k]! * column[k]!
      row[j] = i === j ? Math.sqrt(sum) : sum / column[j]!
    }
  }
  return a
}

/** Computes (L·Lᵀ)⁻¹·b. */
function solve(lower: readonly Float64Array[], b: ArrayLike<number>): Float64Array {
  const y = Float64Array.from(b)
  for (let i = 0; i < y.length; i++) {
    for (let k = 0; k < i; k++) y[i]! -= lower[i]![k]! * y[k]!
    y[i]! /= lower[i]![i]!
  }
  for (let i = y.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < y.length; k++) y[i]! -= lower[k]![i]! * y[k]!
    y[i]! /= lower[i]![i]!
  }
  return y
}
