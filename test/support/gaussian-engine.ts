/**
 * An engine whose data are known: x_0 is a stationary Gaussian process, covariance `deviation`²·ρ^|i − j| (first-order
 * autoregressive), so the best ε is known in closed form, E[ε|x_t] = √(1 − ᾱ)·(ᾱ·C + (1 − ᾱ)·I)⁻¹·x_t, and so is all that sampling
 * should give. The inverse is that of the clip it is fed, whole. With a mel, the deviation of a frame's samples is exp(its mean).
 */
import assert from 'node:assert/strict'
import { alphaBarAt } from '#src/diffusion/forward'
import { noiseSchedule } from '#src/diffusion/schedule'
import type { Engine, NoiseStream } from '#src/engines/engine'
import { Model } from '#src/model'
import type { ModelConfig } from '#src/model/config'

export interface GaussianProcess {
  readonly deviation: number
  /** Correlation of neighbours; 0: white, in any length. */
  readonly correlation: number
}

export function gaussianModel(config: ModelConfig, { deviation, correlation }: GaussianProcess): Model {
  const training = noiseSchedule(config.diffusion.training)
  const hop = config.mel?.hop ?? 1

  const epsilon = (x: Float32Array, step: number, mel: readonly number[]): Float32Array => {
    const alphaBar = alphaBarAt(training, step)
    const sigma = Math.sqrt(1 - alphaBar)
    const scale = (i: number) => deviation * (mel.length === 0 ? 1 : Math.exp(mel[Math.floor(i / hop)]!))
    if (correlation === 0) return x.map((value, i) => (sigma * value) / (alphaBar * scale(i) ** 2 + 1 - alphaBar))
    const n = x.length
    assert.ok(n <= 400, 'a dense covariance of a long clip')
    const covariance = Array.from({ length: n }, (_, i) =>
      Float64Array.from(
        { length: n },
        (_, j) => alphaBar * deviation ** 2 * correlation ** Math.abs(i - j) + (i === j ? 1 - alphaBar : 0),
      ),
    )
    return Float32Array.from(solve(covariance, x), value => sigma * value)
  }

  const openStream: Engine['openStream'] = ({ steps }): NoiseStream => {
    const fed = steps.map(() => [] as number[])
    const mel: number[] = []
    return {
      latency: Number.POSITIVE_INFINITY,
      pushMel(piece) {
        for (let frame = 0; frame < piece.frames; frame++) {
          let sum = 0
          for (let band = 0; band < piece.bands; band++) sum += piece.data[band * piece.frames + frame]!
          mel.push(sum / piece.bands)
        }
      },
      async predict(pass, audio, last) {
        const before = correlation === 0 ? 0 : fed[pass]!.length
        fed[pass]!.push(...audio)
        if (correlation !== 0)
          return last ? epsilon(Float32Array.from(fed[pass]!), steps[pass]!, []) : new Float32Array(0)
        const from = fed[pass]!.length - audio.length - before
        const out = epsilonFrom(audio, from, steps[pass]!)
        return out
      },
      dispose() {},
    }
    function epsilonFrom(audio: Float32Array, from: number, step: number): Float32Array {
      const padded = new Float32Array(from + audio.length)
      padded.set(audio, from)
      return epsilon(padded, step, mel).slice(from)
    }
  }
  const refuse = () => Promise.reject(new Error('not this engine'))
  return new Model(config, {
    name: 'gaussian',
    device: 'none',
    network: config.network,
    openStream,
    predictNoise: refuse,
    lossGradients: refuse,
    setParameters: refuse,
    dispose: () => Promise.resolve(),
  })
}

/** A⁻¹·b of a symmetric positive definite A, by Cholesky's factors, in place. */
export function solve(a: Float64Array[], b: ArrayLike<number>): Float64Array {
  const n = a.length
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i]![j]!
      for (let k = 0; k < j; k++) sum -= a[i]![k]! * a[j]![k]!
      a[i]![j] = i === j ? Math.sqrt(sum) : sum / a[j]![j]!
    }
  }
  const y = Float64Array.from(b)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) y[i]! -= a[i]![k]! * y[k]!
    y[i]! /= a[i]![i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) y[i]! -= a[k]![i]! * y[k]!
    y[i]! /= a[i]![i]!
  }
  return y
}
