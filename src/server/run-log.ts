/** The log of a training run, read as it grows: only what is new, a piece at a time. */
import { decodeMetrics, type MetricsLine } from '../formats/metrics-lines.js'
import { readPart } from './file-part.js'
import { LOG_PIECE_BYTES } from './limits.js'

const NEW_LINE = 0x0a

/** Lines that were read together, and their size in the file. */
export interface LogPiece {
  readonly lines: readonly MetricsLine[]
  readonly bytes: number
}

export class RunLog {
  readonly #path: string
  /** Bytes of the file that were read. */
  #at = 0
  /** The beginning of a line whose end is not written yet. */
  #rest: Uint8Array = new Uint8Array(0)

  constructor(path: string) {
    this.#path = path
  }

  /** Whole lines that were added since the last call; all of them if the file was begun anew since then. */
  async *added(): AsyncGenerator<LogPiece, void, undefined> {
    for (let isFirst = true; ; isFirst = false) {
      const part = await readPart(this.#path, this.#at, LOG_PIECE_BYTES)
      if (part.size < this.#at) {
        this.#at = 0
        this.#rest = new Uint8Array(0)
        // Begun anew during a call, it is for the next one: no call has a line twice.
        if (isFirst) continue
        return
      }
      if (part.bytes.length === 0) return
      this.#at += part.bytes.length
      const bytes = Buffer.concat([this.#rest, part.bytes])
      const end = bytes.lastIndexOf(NEW_LINE) + 1
      // No line of a log is as long as a piece: what has no end is not a log, and is not collected.
      this.#rest = bytes.length - end > LOG_PIECE_BYTES ? new Uint8Array(0) : bytes.subarray(end)
      yield { lines: decoded(bytes.subarray(0, end)), bytes: end }
    }
  }

  /** The last line, if it is whole but for its end. */
  get last(): readonly MetricsLine[] {
    return decoded(this.#rest)
  }
}

function decoded(bytes: Uint8Array): readonly MetricsLine[] {
  return decodeMetrics(new TextDecoder().decode(bytes))
}
