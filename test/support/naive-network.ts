/**
 * The denoiser in float64, one clip at a time. Every sum is written out as the papers and PyTorch's documentation
 * define it (DiffWave, Kong et al. 2021, figure 1; `Conv1d`, `ConvTranspose2d`). It is slow and simple, and the oracle
 * of the engines.
 */
import type { Mel } from '#src/audio/mel/convention'
import type { Tensors } from '#src/core/tensor'
import { dilation, LEAKY_SLOPE, type NetworkConfig, positionSamples, upsamplerShape } from '#src/model/network'
import { stepSinusoids } from '#src/model/step-embedding'

/** Channels or bands. Each is a row over time. */
type Rows = number[][]

export interface NaiveClip {
  readonly audio: Float32Array
  readonly step: number
  readonly mel?: Mel
  readonly label?: number | null
  /** The envelope E of a front end, `[positions × bins]`. */
  readonly deviations?: ArrayLike<number>
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const silu = (x: number) => x * sigmoid(x)
const relu = (x: number) => Math.max(x, 0)
const leaky = (x: number) => (x > 0 ? x : LEAKY_SLOPE * x)

const rows = (count: number, length: number, at: (row: number, i: number) => number): Rows =>
  Array.from({ length: count }, (_, row) => Array.from({ length }, (_, i) => at(row, i)))

/** Computes the network's output for one clip. */
export function naiveNoise(network: NetworkConfig, parameters: Tensors, clip: NaiveClip): Float64Array {
  const { channels, layers, mel: conditioner } = network
  const unit = positionSamples(network)
  const positions = clip.audio.length / unit

  const data = (name: string): Float32Array => parameters.get(name)!.data
  /** `Conv1d` with kernel 1 or 3, and zero padding that keeps the length. */
  const convolve = (input: Rows, name: string, distance = 1): Rows => {
    const weight = data(`${name}.weight`)
    const bias = data(`${name}.bias`)
    const kernel = weight.length / bias.length / input.length
    const middle = (kernel - 1) / 2
    return rows(bias.length, input[0]!.length, (out, i) => {
      let sum = bias[out]!
      input.forEach((row, channel) => {
        for (let k = 0; k < kernel; k++) {
          sum += weight[(out * input.length + channel) * kernel + k]! * (row[i + (k - middle) * distance] ?? 0)
        }
      })
      return sum
    })
  }
  const linear = (input: readonly number[], name: string): number[] =>
    convolve(
      input.map(value => [value]),
      name,
    ).map(row => row[0]!)

  /** `ConvTranspose2d` 1→1, stride [1, s]. Each input is spread over the outputs that it reaches. */
  const upsample = (prefix: string): Rows => {
    if (conditioner?.kind !== 'transposed') throw new TypeError('not a transposed conditioner')
    let current = melRows()
    conditioner.strides.forEach((stride, n) => {
      const { kernel, padding } = upsamplerShape(stride)
      const weight = data(`${prefix}.conv${n + 1}.weight`)
      const out = rows(current.length, current[0]!.length * stride, () => data(`${prefix}.conv${n + 1}.bias`)[0]!)
      current.forEach((row, band) => {
        row.forEach((value, frame) => {
          for (let r = 0; r < 3; r++) {
            for (let k = 0; k < kernel; k++) {
              const target = out[band + r - 1]
              const i = frame * stride + k - padding
              if (target !== undefined && i >= 0 && i < target.length) target[i]! += value * weight[r * kernel + k]!
            }
          }
        })
      })
      current = out.map(row => row.map(leaky))
    })
    return current
  }
  const melRows = (): Rows =>
    rows(clip.mel!.bands, clip.mel!.frames, (band, f) => clip.mel!.data[band * clip.mel!.frames + f]!)

  /** The mel's share of a layer at each position. */
  const conditioning = (): ((layer: number) => Rows) => {
    const projection = (layer: number) => `residual_layers.${layer}.conditioner_projection`
    if (conditioner?.kind === 'transposed') {
      // A position uses the mel at its first sample.
      const atPositions = (upsampled: Rows) =>
        rows(upsampled.length, positions, (band, p) => upsampled[band]![p * unit]!)
      const shared = conditioner.sharing === 'shared' ? atPositions(upsample('spectrogram_upsampler')) : undefined
      return layer =>
        convolve(shared ?? atPositions(upsample(`residual_layers.${layer}.spectrogram_upsampler`)), projection(layer))
    }
    if (conditioner?.kind === 'frame-rate') {
      let frames = melRows()
      conditioner.encoder.forEach((_, i) => {
        frames = convolve(frames, `spectrogram_encoder.${i}`).map(row => row.map(leaky))
      })
      return layer => {
        const projected = convolve(frames, projection(layer))
        return rows(projected.length, positions, (out, p) => {
          const at = (p * unit) / conditioner.hop
          const frame = Math.floor(at)
          const here = projected[out]![frame]!
          return here + (at - frame) * ((projected[out]![frame + 1] ?? here) - here)
        })
      }
    }
    return () => rows(2 * channels, positions, () => 0)
  }

  const sinusoids = Array.from(stepSinusoids(network.stepEmbedding, [clip.step]))
  let embedding = linear(sinusoids, 'diffusion_embedding.projection1').map(silu)
  embedding = linear(embedding, 'diffusion_embedding.projection2').map(silu)
  if (network.labels !== null) {
    const row = clip.label ?? network.labels.length
    const table = data('label_embedding.weight')
    embedding = embedding.map((value, i) => value + table[row * embedding.length + i]!)
  }

  const ends = network.frontEnd === null ? patchEnds(network, clip) : windowEnds(network, parameters, clip)
  let x = convolve(ends.encoded, 'input_projection').map(row => row.map(relu))
  const melShare = conditioning()
  const skips = rows(channels, positions, () => 0)
  for (let layer = 0; layer < layers; layer++) {
    const name = `residual_layers.${layer}`
    const step = linear(embedding, `${name}.diffusion_projection`)
    const withStep = x.map((row, c) => row.map(value => value + step[c]!))
    const share = melShare(layer)
    const gates = convolve(withStep, `${name}.dilated_conv`, dilation(network, layer)).map((row, c) =>
      row.map((value, p) => value + share[c]![p]!),
    )
    const [sigmoids, tanhs] = network.gate === 'sigmoid-tanh' ? [0, channels] : [channels, 0]
    const gated = rows(
      channels,
      positions,
      (c, p) => sigmoid(gates[sigmoids + c]![p]!) * Math.tanh(gates[tanhs + c]![p]!),
    )
    const output = convolve(gated, `${name}.output_projection`)
    const base = network.residual === 'before-step' ? x : withStep
    x = rows(channels, positions, (c, p) => (base[c]![p]! + output[c]![p]!) / Math.SQRT2)
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < positions; p++) skips[c]![p]! += output[channels + c]![p]!
    }
  }
  const mixed = skips.map(row => row.map(value => value / Math.sqrt(layers)))
  const hidden = convolve(mixed, 'skip_projection').map(row => row.map(relu))
  return ends.decode(convolve(hidden, 'output_projection'))
}

/** The input of the input projection, and the network's output from that of the output projection. */
interface Ends {
  readonly encoded: Rows
  readonly decode: (output: Rows) => Float64Array
}

/** g(t) of a network with a mask. */
function gainOf({ inputMask }: NetworkConfig, step: number): number {
  return inputMask === null ? 1 : Math.sin((Math.PI / 2) * Math.min(1, (step + 1) / (inputMask.steps + 1)))
}

/** Patches: sample p·S + j is channel j of position p. */
function patchEnds(network: NetworkConfig, { audio, step }: NaiveClip): Ends {
  const { patch } = network
  return {
    encoded: rows(patch, audio.length / patch, (j, p) => audio[p * patch + j]!),
    decode: output =>
      Float64Array.from(audio, (x, i) => {
        const [j, p] = [i % patch, Math.floor(i / patch)]
        const made = gainOf(network, step) * output[j]![p]!
        return network.inputMask === null ? made : made + sigmoid(output[patch + j]![p]!) * x
      }),
  }
}

/** The windowed front end, as interop/pytorch/README.md defines it. */
function windowEnds(network: NetworkConfig, parameters: Tensors, { audio, step, deviations }: NaiveClip): Ends {
  const { kernel: K, stride: S, bins: N, learned } = network.frontEnd!
  const D = (K - S) / 2
  const positions = audio.length / S
  const window = (n: number) => (K === S ? 1 : Math.sqrt(0.5 - 0.5 * Math.cos((2 * Math.PI * n) / K)))
  let squares = 0
  for (let n = 0; n < K; n++) squares += window(n) ** 2
  const U = Math.sqrt(squares / 2)
  /** cos(2πkn/K) for the first N rows, sin(2πkn/K) for the others. */
  const wave = (c: number, n: number) =>
    c < N ? Math.cos((2 * Math.PI * c * n) / K) : Math.sin((2 * Math.PI * (c - N) * n) / K)
  const times = (k: number) => (k === 0 || k === K / 2 ? 1 : 2)
  const analysis = (c: number, n: number) =>
    learned ? parameters.get('front_end.analysis')!.data[c * K + n]! : (window(n) * wave(c, n)) / U
  const synthesis = (c: number, n: number) =>
    learned ? parameters.get('front_end.synthesis')!.data[c * K + n]! : (window(n) * U * times(c % N) * wave(c, n)) / K

  const X = rows(2 * N, positions, (c, p) => {
    let sum = 0
    for (let n = 0; n < K; n++) sum += analysis(c, n) * (audio[p * S - D + n] ?? 0)
    return sum
  })
  const E = (k: number, p: number) => (deviations === undefined ? 1 : deviations[p * N + k]!)
  const scaled = rows(2 * N, positions, (c, p) => X[c]![p]! / E(c % N, p))
  const logs = deviations === undefined ? [] : rows(N, positions, (k, p) => (Math.log(E(k, p)) + 6) / 3)
  return {
    encoded: [...scaled, ...logs],
    decode(output) {
      const Y = rows(2 * N, positions, (c, p) => {
        const made = gainOf(network, step) * E(c % N, p) * output[c]![p]!
        return network.inputMask === null ? made : made + sigmoid(output[2 * N + (c % N)]![p]!) * X[c]![p]!
      })
      const sum = new Float64Array(audio.length)
      const covered = new Float64Array(audio.length)
      for (let p = 0; p < positions; p++) {
        for (let n = 0; n < K; n++) {
          const t = p * S - D + n
          if (t < 0 || t >= audio.length) continue
          for (let c = 0; c < 2 * N; c++) sum[t]! += synthesis(c, n) * Y[c]![p]!
          covered[t]! += window(n) ** 2
        }
      }
      return sum.map((value, t) => value / covered[t]!)
    },
  }
}
