/** Notes on a mel that can be used but may not be what its user expects. */
import type { MelConvention } from '../../audio/mel/convention.js'
import { melDoubts } from '../../audio/mel/notes.js'
import type { MelSummary } from '../../audio/mel/value-scale.js'
import { type StoredMel, wholeMel } from '../../formats/mel-stream.js'
import type { Context } from '../context.js'

/** @param convention that the mel should follow; null for any */
export async function noteMel(
  context: Context,
  name: string,
  mel: StoredMel,
  summary: MelSummary,
  convention: MelConvention | null,
): Promise<void> {
  if (mel.transposed) context.note(`${name} is [frames × bands]: it was transposed`)
  const square = mel.bands === mel.frames ? await wholeMel(mel) : null
  for (const doubt of melDoubts(summary, convention, square)) context.note(`${name}: ${doubt}`)
}
