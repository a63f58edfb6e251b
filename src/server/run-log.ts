/** The log of a training run, read as it grows: only what is new, a piece at a time. */
import { open } from 'node:fs/promises'
import { decodeMetrics, type MetricsLine } from '../formats/metrics-lines.js'
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

  /** Whole lines that were added since the last call; all of them if the file was begun anew. */
  async *added(): AsyncGenerator<LogPiece, void, undefined> {
    const handle = await open(this.#path, 'r')
    try {
      if ((await handle.stat()).size < this.#at) {
        this.#at = 0
        this.#rest = new Uint8Array(0)
      }
      for (;;) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOG_PIECE_BYTES), 0, LOG_PIECE_BYTES, this.#at)
        if (bytesRead === 0) return
        this.#at += bytesRead
        const bytes = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)])
        const end = bytes.lastIndexOf(NEW_LINE) + 1
        // No line of a log is as long as a piece: what has no end is not a log, and is not collected.
        this.#rest = bytes.length - end > LOG_PIECE_BYTES ? new Uint8Array(0) : bytes.subarray(end)
        yield { lines: decoded(bytes.subarray(0, end)), bytes: end }
      }
    } finally {
      await handle.close()
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
