/** Residues of Vorbis (Vorbis I specification, section 8): the fine structure of the spectra, coded in vectors. */
import { EndOfBits } from './bit-reader.js'
import type { LowBitReader } from './low-bit-reader.js'
import { type Codebook, VorbisFault } from './vorbis-codebook.js'

/** Number of passes over a block. Each refines the previous ones. */
const PASSES = 8

export class Residue {
  readonly #type: number
  readonly #begin: number
  readonly #end: number
  readonly #partitionSize: number
  readonly #classifications: number
  /** The codebook of the classes. One code stands for the classes of several partitions. */
  readonly #classBook: Codebook
  /** The codebook of each class in each pass. */
  readonly #books: readonly (readonly (Codebook | null)[])[]

  /** Reads a residue from the setup header. @throws VorbisFault, EndOfBits */
  constructor(bits: LowBitReader, books: readonly Codebook[]) {
    this.#type = bits.read(16)
    if (this.#type > 2) throw new VorbisFault('a residue is of an unknown type')
    this.#begin = bits.read(24)
    this.#end = bits.read(24)
    this.#partitionSize = bits.read(24) + 1
    this.#classifications = bits.read(6) + 1
    const book = (index: number) => {
      const found = books[index]
      if (found === undefined) throw new VorbisFault('a residue names no codebook')
      return found
    }
    this.#classBook = book(bits.read(8))
    const cascades = Array.from({ length: this.#classifications }, () => {
      const low = bits.read(3)
      return low + (bits.read(1) === 1 ? 8 * bits.read(5) : 0)
    })
    this.#books = cascades.map(cascade =>
      Array.from({ length: PASSES }, (_, pass) => {
        if (((cascade >> pass) & 1) === 0) return null
        const found = book(bits.read(8))
        if (found.vectors === null) throw new VorbisFault('a residue’s codebook has no vectors')
        return found
      }),
    )
  }

  /**
   * Adds a block's residue to the spectra, `[length]` each. The packet may end early: missing values are zero.
   *
   * @param silent by channel, whether it is not coded (in type 2 only if all are silent)
   */
  decode(bits: LowBitReader, spectra: readonly Float32Array[], length: number, silent: readonly boolean[]): void {
    try {
      if (this.#type !== 2) this.#decodeAll(bits, spectra, length, silent)
      else if (!silent.every(Boolean)) this.#decodeWoven(bits, spectra, length)
    } catch (error) {
      if (!(error instanceof EndOfBits)) throw error
    }
  }

  /** Type 2: the values of the channels are interleaved in one vector. */
  #decodeWoven(bits: LowBitReader, spectra: readonly Float32Array[], length: number): void {
    const woven = new Float32Array(length * spectra.length)
    try {
      this.#decodeAll(bits, [woven], woven.length, [false])
    } finally {
      for (const [channel, spectrum] of spectra.entries()) {
        for (let i = 0; i < length; i++) spectrum[i] = woven[i * spectra.length + channel]!
      }
    }
  }

  #decodeAll(bits: LowBitReader, spectra: readonly Float32Array[], length: number, silent: readonly boolean[]): void {
    const begin = Math.min(this.#begin, length)
    const partitions = Math.floor((Math.min(this.#end, length) - begin) / this.#partitionSize)
    if (partitions <= 0) return
    const classes = spectra.map(() => new Uint8Array(partitions))
    for (let pass = 0; pass < PASSES; pass++) {
      for (let first = 0; first < partitions; first += this.#classBook.dimensions) {
        const end = Math.min(partitions, first + this.#classBook.dimensions)
        if (pass === 0) this.#readClasses(bits, classes, silent, first)
        for (let partition = first; partition < end; partition++) {
          for (const [channel, spectrum] of spectra.entries()) {
            const book = silent[channel] ? null : this.#books[classes[channel]![partition]!]![pass]!
            if (book !== null) this.#addPartition(bits, spectrum, begin + partition * this.#partitionSize, book)
          }
        }
      }
    }
  }

  /** Reads the classes of as many partitions as the class codebook has dimensions, for each coded channel. */
  #readClasses(bits: LowBitReader, classes: readonly Uint8Array[], silent: readonly boolean[], first: number): void {
    for (const [channel, own] of classes.entries()) {
      if (silent[channel]) continue
      let code = this.#classBook.decode(bits)
      for (let i = this.#classBook.dimensions - 1; i >= 0; i--) {
        // Writes past the last partition have no effect on the array.
        own[first + i] = code % this.#classifications
        code = Math.floor(code / this.#classifications)
      }
    }
  }

  #addPartition(bits: LowBitReader, spectrum: Float32Array, at: number, book: Codebook): void {
    const [size, dimensions, vectors] = [this.#partitionSize, book.dimensions, book.vectors!]
    if (this.#type === 0) {
      // The components of a vector are interleaved over the partition.
      const stride = Math.floor(size / dimensions)
      for (let i = 0; i < stride; i++) {
        const vector = book.decode(bits) * dimensions
        for (let j = 0; j < dimensions; j++) spectrum[at + i + j * stride]! += vectors[vector + j]!
      }
      return
    }
    for (let i = 0; i < size; ) {
      const vector = book.decode(bits) * dimensions
      for (let j = 0; j < dimensions && i < size; j++, i++) spectrum[at + i]! += vectors[vector + j]!
    }
  }
}
