/**
 * Hands the mel of one clip to several readers, and checks it once as it arrives. The network reads it once in every
 * sweep of the reverse process. The noise of each sweep, and the decoder and the phase refinement in the last sweep,
 * read the same frames beside it.
 */
import { checkMelFor } from './check-mel.js'
import type { Mel, MelConvention } from './convention.js'
import { checkMelSource, isWholeMel, type MelPiece, type MelSource, melPieces } from './source.js'

/** One reader's view of a mel that arrives over time. */
export interface MelReader {
  /** The pieces that have arrived since the last call, in order. */
  take(): readonly MelPiece[]
}

/** Makes readers of one mel. Ask for a reader only if you will read it: its pieces are kept until they are taken. */
export interface MelReaders {
  /** A reader for the sweep that begins next. */
  nextReader(): MelReader
  /** A reader for the last sweep. */
  lastReader(): MelReader
}

/** Makes readers of a whole mel. */
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
  /** The mel, if it is whole; null if it arrives in pieces. */
  readonly whole: Mel | null
  readonly #check: (mel: Mel) => void
  #source: MelSource
  #length: number | null
  #readings = 0
  readonly #ofNext: Inbox[] = []
  readonly #ofLast: Inbox[] = []

  /**
   * @param where names the mel in errors
   * @throws DiffWaveError `BAD_MEL`, `NOT_FINITE`, `MEL_RANGE` if the source is not a mel, or if a whole mel does not
   * fit the convention
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

  /** Number of samples that the mel covers; null until it is known. */
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
   * Goes through the whole mel once. Every reader gets a piece before it is yielded here.
   *
   * @param framesAtOnce max number of frames per piece
   * @param last whether this is the last sweep. Otherwise pieces that arrive over time are kept for the next one
   * @throws DiffWaveError `ABORTED`, and as the constructor for pieces that arrive
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
      kept?.push(piece.mel)
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
