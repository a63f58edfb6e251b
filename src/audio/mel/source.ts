/** What callers can pass as a mel: a whole one, or an iterable of pieces that may arrive over time. */
import { isFloat32Array } from '../../core/any-realm.js'
import { DiffWaveError } from '../../core/errors.js'
import { untilAborted } from '../../core/until-aborted.js'
import { checkMelShape } from './check-mel.js'
import type { Mel } from './convention.js'
import { sliceMel } from './frames.js'

/** A mel in pieces, each with any number of frames, even none. `frames` is the total, if it is known. */
export type MelPieces = (AsyncIterable<Mel> | Iterable<Mel>) & {
  /** Number of frames of all pieces together. */
  readonly frames?: number
}

/** A whole mel, or one that arrives in pieces. */
export type MelSource = Mel | MelPieces

export interface MelPiece {
  readonly mel: Mel
  /** Whether this is the last piece. The last piece of a mel that arrives over time is empty. */
  readonly last: boolean
}

/** Refuses a value that is neither a mel nor an iterable. @throws DiffWaveError `BAD_MEL` */
export function checkMelSource(value: unknown, where: string): asserts value is MelSource {
  const inPieces =
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    (Symbol.asyncIterator in value || Symbol.iterator in value)
  if (!inPieces) checkMelShape(value as Mel, where)
}

/** Whether a source is a whole mel. */
export function isWholeMel(source: MelSource): source is Mel {
  return 'data' in source
}

/**
 * Yields the pieces of a source, cut to at most `limit` frames each.
 *
 * @param check called with every piece that arrives, unless it is empty; throws if the piece does not fit
 * @throws DiffWaveError `BAD_MEL` if a source has no frames, or not the number that it announced; `ABORTED`
 */
export async function* melPieces(
  source: MelSource,
  limit: number,
  check: (mel: Mel) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<MelPiece, void, undefined> {
  if (isWholeMel(source)) {
    for (let start = 0; start < source.frames; start += limit) {
      const end = Math.min(source.frames, start + limit)
      // Its buffer may have been transferred or resized since the first check.
      checkMelShape(source, 'mel')
      yield { mel: sliceMel(source, start, end), last: end === source.frames }
    }
    return
  }
  let bands = 0
  let frames = 0
  for await (const mel of untilAborted(source, signal)) {
    if (isEmpty(mel)) continue
    check(mel)
    bands = mel.bands
    frames += mel.frames
    for (let start = 0; start < mel.frames; start += limit) {
      checkMelShape(mel, 'mel')
      yield { mel: sliceMel(mel, start, Math.min(mel.frames, start + limit)), last: false }
    }
  }
  if (frames === 0) {
    throw new DiffWaveError('BAD_MEL', 'the mel has no frames', { where: 'mel' })
  }
  if (source.frames !== undefined && source.frames !== frames) {
    throw new DiffWaveError('BAD_MEL', 'the mel does not have the announced number of frames', {
      expected: String(source.frames),
      got: String(frames),
      where: 'mel',
    })
  }
  yield { mel: { data: new Float32Array(0), bands, frames: 0 }, last: true }
}

/** Whether a piece has no frames, as what a program yields before or after its sound. */
function isEmpty(mel: Mel): boolean {
  return mel?.frames === 0 && isFloat32Array(mel.data) && mel.data.length === 0
}
