/** Writes the output of an operation as files and events of a job in Redis. */
import { PROGRESS_SECONDS, SEND_BYTES } from '../limits.js'
import type { Facts, FileHead, Output } from '../operations/operation.js'
import type { Claim } from './claim.js'
import type { OrderLimits } from './order.js'

interface OpenFile {
  readonly head: FileHead
  readonly number: number
  /** Number of bytes that are sent. */
  sent: number
  /** Pieces that are not sent yet. */
  pieces: Uint8Array[]
}

export class RemoteOutput implements Output {
  readonly #claim: Claim
  readonly #limits: OrderLimits
  readonly #onLost: (error: unknown) => void
  #file: OpenFile | null = null
  #files = 0
  /** The last write. Writes are sent one after the other. */
  #sending: Promise<void> = Promise.resolve()
  #progress: number | null = null
  #toldProgressAt = Number.NEGATIVE_INFINITY

  /** @param onLost called if a write fails, so that the work stops */
  constructor(claim: Claim, limits: OrderLimits, onLost: (error: unknown) => void) {
    this.#claim = claim
    this.#limits = limits
    this.#onLost = onLost
  }

  open(head: FileHead): void {
    this.#close()
    this.#file = { head, number: this.#files++, sent: 0, pieces: [] }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const file = this.#file!
    file.pieces.push(bytes)
    if (unsent(file) < SEND_BYTES) return
    this.#send(file)
    // A slow Redis server slows the work down.
    await this.#sending
  }

  event(name: string, facts: Facts): void {
    this.#after(() => this.#claim.tell(name, facts))
  }

  /** @param share of the work that is done, 0 to 1 */
  setProgress(share: number): void {
    const isPending = this.#progress !== null
    this.#progress = share
    const now = performance.now()
    if (isPending || now - this.#toldProgressAt < 1000 * PROGRESS_SECONDS) {
      if (!isPending) this.#progress = null
      return
    }
    this.#toldProgressAt = now
    this.#after(async () => {
      const latest = this.#progress!
      this.#progress = null
      await this.#claim.progress(latest)
    })
  }

  /** Sends the rest. @throws the error of a failed write */
  async finished(): Promise<void> {
    this.#close()
    await this.#sending
  }

  /** Ends the output of a job that failed: a file that was cut off is not recorded. */
  async cutOff(): Promise<void> {
    const file = this.#file
    if (file !== null && file.sent + unsent(file) !== file.head.bytes) this.#file = null
    await this.finished().catch(() => {})
  }

  #close(): void {
    const file = this.#file
    if (file === null) return
    this.#file = null
    this.#send(file)
    this.#after(() => this.#claim.complete({ ...file.head, bytes: file.sent }))
  }

  #send(file: OpenFile): void {
    const { number, head } = file
    const bytes = Buffer.concat(file.pieces)
    const offset = file.sent
    file.pieces = []
    file.sent += bytes.length
    if (bytes.length > 0) this.#after(() => this.#claim.write(number, offset, bytes, this.#limits, head.bytes))
  }

  #after(write: () => Promise<void>): void {
    this.#sending = this.#sending.then(write)
    // `write` and `finished` throw this error, too.
    this.#sending.catch(this.#onLost)
  }
}

function unsent({ pieces }: OpenFile): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
