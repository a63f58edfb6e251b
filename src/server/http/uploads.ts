/** Bodies as bytes, within a bound for all of them together. */
import type { IncomingMessage } from 'node:http'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_JSON_BYTES, type ServiceLimits } from '../limits.js'
import { Refusal } from '../refusal.js'

export class Uploads {
  readonly #limits: Pick<ServiceLimits, 'uploadBytes'>
  readonly #keep = new WeakMap<Uint8Array, () => () => void>()
  #bytes = 0

  constructor(limits: Pick<ServiceLimits, 'uploadBytes'>) {
    this.#limits = limits
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Reads a body. Its bytes count until the request is answered and no job needs the body any more.
   *
   * @param limit bytes of this body at most
   * @param done takes the release, to be called when the request is answered
   * @throws DiffWaveError `TOO_LARGE`; Refusal `QUEUE_FULL`, `UNSUPPORTED_MEDIA_TYPE` (it is compressed), `BAD_REQUEST`
   * (the client left)
   */
  async read(payload: IncomingMessage, limit: number, done: (release: () => void) => void): Promise<Buffer> {
    if (Number(payload.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
    refuseCompressed(payload.headers['content-encoding'])
    const pieces: Buffer[] = []
    let [held, owners] = [0, 1]
    const release = () => {
      owners--
      if (owners > 0) return
      this.#bytes -= held
      held = 0
    }
    let isAnswered = false
    const answered = () => {
      if (!isAnswered) release()
      isAnswered = true
    }
    done(answered)
    try {
      for await (const piece of payload as AsyncIterable<Buffer>) {
        held += piece.length
        this.#bytes += piece.length
        if (held > limit) throw tooLarge(limit)
        if (this.#bytes > this.#limits.uploadBytes) throw this.#full()
        pieces.push(piece)
      }
    } catch (error) {
      const got = `${held} bytes`
      answered()
      if (error instanceof Refusal || error instanceof DiffWaveError) throw error
      throw new Refusal(400, 'BAD_REQUEST', 'the body was cut off', {
        expected: 'as many bytes as declared',
        got,
        hint: 'Send the request again.',
        cause: error,
      })
    }
    const body = Buffer.concat(pieces)
    this.#keep.set(body, () => {
      owners++
      return release
    })
    return body
  }

  /**
   * Goes on counting a body after its request, because a job needs it.
   *
   * @returns a function that ends this, to be called once
   */
  keep(body: Uint8Array): () => void {
    return this.#keep.get(body)?.() ?? (() => {})
  }

  #full(): Refusal {
    return new Refusal(429, 'QUEUE_FULL', 'too many bodies are being received', {
      expected: `at most ${this.#limits.uploadBytes} bytes in all`,
      hint: 'Try again after the seconds of Retry-After.',
      retryAfter: 1,
    })
  }
}

/** A few bytes could become more than memory holds. Recordings and mels hardly get smaller anyway. */
function refuseCompressed(encoding: string | undefined): void {
  if (encoding === undefined || encoding === 'identity') return
  throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'the body is compressed', {
    expected: 'a body without Content-Encoding',
    got: encoding,
    hint: 'Send the file as it is. A recording as FLAC takes fewer bytes than as WAV.',
  })
}

/** @param limit bytes that the body may have */
export function tooLarge(limit: number): DiffWaveError {
  return new DiffWaveError('TOO_LARGE', 'the body is too large', {
    expected: `at most ${limit} bytes`,
    hint:
      limit === MAX_JSON_BYTES
        ? 'Send the options of one request.'
        : 'Send shorter audio, or start the service with a larger --max-body.',
  })
}
