/** The program of the audio worklet: plays samples as they come, and silence while there are none. */
import { type Heard, PROCESSOR, type Samples } from './player-messages.js'

/** An audio worklet's scope, as far as it is used: the DOM's types describe a page. */
interface Processor {
  readonly port: MessagePort
}
declare const AudioWorkletProcessor: new () => Processor
declare function registerProcessor(name: string, processor: new (options: ProcessorOptions) => Processor): void

interface ProcessorOptions {
  /** `start`: samples that must be here before the first is played. */
  readonly processorOptions: { readonly start: number }
}

/** Blocks of 128 samples between two reports. */
const BLOCKS_PER_REPORT = 16

class Player extends AudioWorkletProcessor {
  readonly #pieces: Float32Array[] = []
  readonly #start: number
  /** Sample of the first piece that comes next. */
  #at = 0
  #waiting = 0
  #begun = false
  #complete = false
  #stopped = false
  #played = 0
  #missing = 0
  #blocks = 0

  constructor({ processorOptions }: ProcessorOptions) {
    super()
    this.#start = processorOptions.start
    this.port.onmessage = ({ data }: MessageEvent<Samples>) => {
      if (data.samples === null) {
        this.#pieces.length = 0
        this.#stopped = true
        return
      }
      if (data.samples.length === 0) this.#complete = true
      else this.#pieces.push(data.samples)
      this.#waiting += data.samples.length
      this.#begun ||= this.#complete || this.#waiting >= this.#start
    }
  }

  process(_: unknown, outputs: readonly (readonly Float32Array[])[]): boolean {
    if (this.#stopped) return false
    const [output] = outputs[0]!
    if (!this.#begun || output === undefined) return true
    let filled = 0
    while (filled < output.length && this.#pieces.length > 0) {
      const piece = this.#pieces[0]!
      const part = piece.subarray(this.#at, this.#at + output.length - filled)
      output.set(part, filled)
      filled += part.length
      this.#at += part.length
      if (this.#at < piece.length) continue
      this.#pieces.shift()
      this.#at = 0
    }
    this.#waiting -= filled
    this.#played += filled
    if (!this.#complete) this.#missing += output.length - filled
    const ended = this.#complete && this.#pieces.length === 0
    if (ended || this.#blocks++ % BLOCKS_PER_REPORT === 0) {
      this.port.postMessage({ played: this.#played, missing: this.#missing, ended } satisfies Heard)
    }
    return !ended
  }
}

registerProcessor(PROCESSOR, Player)
