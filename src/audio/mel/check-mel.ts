/**
 * Checks whether a value is a mel at all: its type, its shape and its numbers. Whether it fits a convention is checked
 * in mel.ts.
 */

import { describe } from '../../core/describe.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_MEL_BANDS } from '../../core/limits.js'
import type { Mel } from './convention.js'

/**
 * Refuses a value that is not a mel.
 *
 * @param where names the mel in errors
 * @param start index of the first frame, if this is a piece of a longer mel
 * @throws DiffWaveError `BAD_MEL` (not a mel, an impossible shape, empty), `NOT_FINITE` (naming band and frame)
 */
export function checkMel(mel: Mel, where: string, start = 0): void {
  checkMelShape(mel, where)
  const { data, frames } = mel
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue
    throw new DiffWaveError('NOT_FINITE', 'the mel holds a number that is not finite', {
      where: `${where}, band ${Math.floor(i / frames)}, frame ${start + (i % frames)}`,
    })
  }
}

/** @throws DiffWaveError `BAD_MEL` */
export function checkMelShape(mel: Mel, where: string): void {
  if (typeof mel !== 'object' || mel === null || !(mel.data instanceof Float32Array)) {
    throw new DiffWaveError('BAD_MEL', 'not a mel', {
      expected: '{ data: Float32Array, bands, frames }',
      got: typeof mel === 'object' && mel !== null && 'data' in mel ? `data: ${describe(mel.data)}` : describe(mel),
      where,
      ...hintFor(mel),
    })
  }
  const { data, bands, frames } = mel
  for (const [name, size] of Object.entries({ bands, frames })) {
    if (Number.isSafeInteger(size) && size >= 1) continue
    throw new DiffWaveError('BAD_MEL', `${name} is not a positive integer`, { got: String(size), where })
  }
  if (bands > MAX_MEL_BANDS) {
    throw new DiffWaveError('BAD_MEL', 'the mel has too many bands', {
      expected: `at most ${MAX_MEL_BANDS}`,
      got: String(bands),
      where,
    })
  }
  if (data.length !== bands * frames) {
    throw new DiffWaveError('BAD_MEL', 'the mel’s data does not fit its shape', {
      expected: `${bands} × ${frames} numbers`,
      got: String(data.length),
      where,
    })
  }
}

/** A hint for values that are often passed by mistake. */
function hintFor(value: unknown): { readonly hint?: string } {
  if (typeof value === 'string') return { hint: 'Read the file first: (await readMel(path)).mel.' }
  if (ArrayBuffer.isView(value))
    return { hint: 'Say how the numbers are laid out: { data, bands, frames }, row-major.' }
  if (typeof value !== 'object' || value === null) return {}
  if ('mel' in value) return { hint: 'readMel returns { mel, transposed }: pass its `mel`.' }
  if ('samples' in value) return { hint: 'This is audio: use resynthesize, or make a mel of it with melSpectrogram.' }
  return value instanceof Promise ? { hint: 'Await it first.' } : {}
}
