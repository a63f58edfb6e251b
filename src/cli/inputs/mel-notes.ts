/** Notes on a mel that can be used but may not be what its user expects. */
import type { MelConvention } from '../../audio/mel/convention.js'
import type { MelSummary } from '../../audio/mel/value-scale.js'
import type { StoredMel } from '../../formats/mel-stream.js'
import type { Context } from '../context.js'

/** @param convention that the mel should follow; null for any */
export async function noteMel(
  context: Context,
  name: string,
  mel: StoredMel,
  summary: MelSummary,
  convention: MelConvention | null,
): Promise<void> {
  const [{ looksTransposed }, { paddingDoubt, valueScaleDoubt }] = await Promise.all([
    import('../../audio/mel/orientation.js'),
    import('../../audio/mel/value-scale.js'),
  ])
  if (mel.transposed) context.note(`${name} is [frames × bands]: it was transposed`)
  const doubt = convention === null ? null : valueScaleDoubt(summary, convention)
  if (doubt !== null) context.note(`${name}: ${doubt}; it will sound like noise`)
  const padding = convention === null ? null : paddingDoubt(summary, convention)
  if (padding !== null) context.note(`${name}: ${padding}`)
  if (mel.bands !== mel.frames) return
  for await (const whole of mel) {
    const transposed = looksTransposed(whole) ? ', though it looks transposed' : ''
    context.note(`${name} is square, ${mel.bands} × ${mel.frames}: it is read as [bands × frames]${transposed}`)
  }
}
