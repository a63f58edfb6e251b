/** The discrete cosine transform of type IV, of which lapped transforms are made. */
import FFT from 'fft.js'

/**
 * DCT-IV of one length, orthonormal and its own inverse: X_k = √(2/N)·Σ x_n·cos(π/N·(n + ½)(k + ½)); by one complex FFT
 * of half the length.
 */
export class CosineTransform {
  readonly #fft: FFT
  readonly #input: number[]
  readonly #output: number[]
  /** e^(−iπ(n + ⅛)/N). */
  readonly #real: Float64Array
  readonly #imaginary: Float64Array

  readonly #length: number

  constructor(length: number) {
    this.#length = length
    const half = length / 2
    this.#fft = new FFT(half)
    this.#input = this.#fft.createComplexArray()
    this.#output = this.#fft.createComplexArray()
    const angle = (n: number) => (-Math.PI * (n + 1 / 8)) / length
    this.#real = Float64Array.from({ length: half }, (_, n) => Math.cos(angle(n)))
    this.#imaginary = Float64Array.from({ length: half }, (_, n) => Math.sin(angle(n)))
  }

  /** Transforms `block`, `[length]`, in place. */
  apply(block: Float64Array): void {
    const length = this.#length
    const scale = Math.sqrt(2 / length)
    for (let n = 0; n < length / 2; n++) {
      const [x, y, c, s] = [block[2 * n]!, block[length - 1 - 2 * n]!, this.#real[n]!, this.#imaginary[n]!]
      this.#input[2 * n] = x * c - y * s
      this.#input[2 * n + 1] = x * s + y * c
    }
    this.#fft.transform(this.#output, this.#input)
    for (let k = 0; k < length / 2; k++) {
      const [x, y, c, s] = [this.#output[2 * k]!, this.#output[2 * k + 1]!, this.#real[k]!, this.#imaginary[k]!]
      block[2 * k] = scale * (x * c - y * s)
      block[length - 1 - 2 * k] = -scale * (x * s + y * c)
    }
  }
}
