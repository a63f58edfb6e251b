/** Pieces of an array, one after another, as one array. */

type Numbers = Uint8Array | Float32Array | Float64Array

/** @param Kind of the whole, as `Float32Array` */
function concatenate<Whole extends Numbers>(Kind: new (length: number) => Whole, pieces: readonly Numbers[]): Whole {
  const whole = new Kind(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

export function concatenateBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatenate(Uint8Array, pieces)
}

export function concatenateAudio(pieces: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return concatenate(Float32Array, pieces)
}
