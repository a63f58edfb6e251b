/** Bodies as bytes, within a bound for all of them together. */
import type { IncomingMessage } from 'node:http'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_JSON_BYTES, type ServiceLimits } from '../limits.js'
import { Refusal } from '../refusal.js'

export class Uploads {
  readonly #limits: Pick<ServiceLimits, 'uploadBytes'>
  #bytes = 0

  constructor(limits: Pick<ServiceLimits, 'uploadBytes'>) {
    this.#limits = limits
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Reads a body. Its bytes count until `done` fires.
   *
   * @param limit bytes of this body at most
   *
   * @throws DiffWaveError `TOO_LARGE`; Refusal `QUEUE_FULL`, `BAD_REQUEST` (the client left)
   */
  async read(payload: IncomingMessage, limit: number, done: (release: () => void) => void): Promise<Buffer> {
    if (Number(payload.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
    const pieces: Buffer[] = []
    let held = 0
    const release = () => {
      this.#bytes -= held
      held = 0
    }
    done(release)
    try {
      for await (const piece of payload as AsyncIterable<Buffer>) {
        held += piece.length
        this.#bytes += piece.length
        if (held > limit) throw tooLarge(limit)
        if (this.#bytes > this.#limits.uploadBytes) throw this.#full()
        pieces.push(piece)
      }
    } catch (error) {
      if (error instanceof Refusal || error instanceof DiffWaveError) throw error
      throw new Refusal(400, 'BAD_REQUEST', 'the body broke off', {
        expected: 'as many bytes as declared',
        got: `${held} bytes`,
        cause: error,
      })
    }
    return Buffer.concat(pieces)
  }

  #full(): Refusal {
    return new Refusal(429, 'QUEUE_FULL', 'too many bodies are being received', {
      expected: `at most ${this.#limits.uploadBytes} bytes in all`,
      got: 'more',
      hint: 'Try again after the seconds of Retry-After.',
      retryAfter: 1,
    })
  }
}

/** @param limit bytes that the body may have */
export function tooLarge(limit: number): DiffWaveError {
  return new DiffWaveError('TOO_LARGE', 'the body is too large', {
    expected: `at most ${limit} bytes`,
    got: 'more',
    hint:
      limit === MAX_JSON_BYTES
        ? 'Send the options of one request.'
        : 'Send shorter audio, or start the service with a larger --max-body.',
  })
}
