/**
 * The mel of one clip, checked once as it arrives, for several readers: the network, which goes through it once per
 * sweep of the reverse process, and those that need the same frames beside it (the noise of each sweep, the decoder and
 * the phase refinement of the last).
 */

import type { Mel, MelConvention } from './convention.js'
import { checkMelFor } from './mel.js'
import { checkMelSource, isWholeMel, type MelPiece, type MelSource, melPieces } from './source.js'

/** One reader's view of a mel that arrives over time. */
export interface MelReader {
  /** The pieces that have arrived since the last call, in order. */
  take(): readonly MelPiece[]
}

/** Where readers are taken out. Ask for one only if it will be read: its pieces are kept until they are taken. */
export interface MelReaders {
  /** A reader of the pieces of the reading that begins next. */
  nextReader(): MelReader
  /** A reader of the pieces of the last reading. */
  lastReader(): MelReader
}

/** Readers of a mel that is all there. */
export function readWhole(mel: Mel): MelReaders {
  const reader = () => {
    const inbox = new Inbox()
    inbox.put({ mel, last: true })
    return inbox
  }
  return { nextReader: reader, lastReader: reader }
}

export class MelFeed implements MelReaders {
  /** Samples per frame. */
  readonly hop: number
  /** The mel, if all of it was there from the start. */
  readonly whole: Mel | null
  readonly #check: (mel: Mel) => void
  #source: MelSource
  #length: number | null
  #readings = 0
  readonly #ofNext: Inbox[] = []
  readonly #ofLast: Inbox[] = []

  /**
   * @param where names the mel in errors
   * @throws DiffWaveError `BAD_MEL`, `NOT_FINITE`, `MEL_RANGE` if the source is no mel, or a whole mel does not fit the
   * convention
   */
  constructor(source: MelSource, convention: MelConvention, where = 'mel') {
    checkMelSource(source, where)
    this.hop = convention.hop
    this.#check = mel => checkMelFor(mel, convention, where)
    this.#source = source
    this.whole = isWholeMel(source) ? source : null
    if (this.whole !== null) this.#check(this.whole)
    this.#length = source.frames === undefined ? null : source.frames * this.hop
  }

  /** Samples that the mel covers; null until that is known. */
  get length(): number | null {
    return this.#length
  }

  nextReader(): MelReader {
    return added(this.#ofNext)
  }

  lastReader(): MelReader {
    return added(this.#ofLast)
  }

  /**
   * Goes through the mel, from its start. Readers have a piece before it is yielded here.
   *
   * @param framesAtOnce no piece is longer
   * @param last whether this is the last reading: pieces that arrive over time are kept for the next one otherwise
   * @throws DiffWaveError as the constructor, for pieces that arrive; `ABORTED`
   */
  async *read(
    framesAtOnce: number,
    last: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<MelPiece, void, undefined> {
    const first = this.#readings++ === 0
    const inboxes = [...this.#ofNext.splice(0), ...(last ? this.#ofLast : [])]
    const kept: Mel[] | null = first && !last && this.whole === null ? [] : null
    const check = first ? this.#check : () => {}
    let frames = 0
    for await (const piece of melPieces(this.#source, framesAtOnce, check, signal)) {
      for (const inbox of inboxes) inbox.put(piece)
      if (piece.mel.frames > 0) kept?.push(piece.mel)
      frames += piece.mel.frames
      if (piece.last) this.#length = frames * this.hop
      yield piece
    }
    if (kept !== null) this.#source = kept
  }
}

class Inbox implements MelReader {
  #pieces: MelPiece[] = []

  put(piece: MelPiece): void {
    this.#pieces.push(piece)
  }

  take(): readonly MelPiece[] {
    const taken = this.#pieces
    this.#pieces = []
    return taken
  }
}

function added(inboxes: Inbox[]): MelReader {
  const inbox = new Inbox()
  inboxes.push(inbox)
  return inbox
}
