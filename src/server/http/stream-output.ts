/** An operation's output as the body of a response, sent while it is made. */
import { Readable } from 'node:stream'
import { abortError } from '../../core/errors.js'
import { MAX_UNREAD_BYTES, STALLED_SECONDS } from '../limits.js'
import type { FileHead, Output } from '../operations/operation.js'
import { Refusal } from '../refusal.js'

export class StreamOutput implements Output {
  /** Resolves when the result begins: until then, an error can still be answered with its own status. */
  readonly started: Promise<FileHead>
  readonly body: Readable
  hasStarted = false
  readonly #stalled: (error: Error) => void
  #begin: (head: FileHead) => void = () => {}
  #wake: (() => void) | null = null

  /** @param stalled called if the reader takes nothing for a long time: stops the work */
  constructor(stalled: (error: Error) => void) {
    this.#stalled = stalled
    this.started = new Promise(resolve => {
      this.#begin = resolve
    })
    this.body = new Readable({ highWaterMark: MAX_UNREAD_BYTES, read: () => this.#resume() })
    // If the reader has left, the signal ends the work.
    this.body.on('error', () => {})
    this.body.on('close', () => this.#resume())
  }

  open(head: FileHead): void {
    this.hasStarted = true
    this.#begin(head)
  }

  /** @throws DiffWaveError `ABORTED` if the reader left */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.body.destroyed) throw abortError()
    if (this.body.push(bytes)) return
    const timer = setTimeout(() => {
      const error = new Refusal(408, 'REQUEST_TIMEOUT', 'the result is not being read', {
        expected: `a reader that takes some of it within ${STALLED_SECONDS} s`,
      })
      this.#stalled(error)
      this.body.destroy(error)
    }, STALLED_SECONDS * 1000)
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
    clearTimeout(timer)
  }

  event(): void {}

  /** Ends the body, or cuts it off with an error. */
  finish(error?: Error): void {
    if (error === undefined) this.body.push(null)
    else this.body.destroy(error)
  }

  #resume(): void {
    this.#wake?.()
    this.#wake = null
  }
}
