/** Colours of pictures, as red, green and blue from 0 to 255. */
export type Rgb = readonly [number, number, number]

export const WHITE: Rgb = [255, 255, 255]
export const BLACK: Rgb = [30, 30, 40]
/** Lines that only help the eye. */
export const FAINT: Rgb = [200, 200, 200]
export const INK: Rgb = [38, 70, 120]

/** Dark to bright at even steps of perceived lightness: black, violet, red, orange, pale yellow. */
const scale: readonly Rgb[] = [
  [0, 0, 4],
  [60, 15, 110],
  [145, 40, 125],
  [220, 70, 85],
  [252, 150, 70],
  [252, 253, 190],
]

/** The colour of a level from 0, dark, to 1, bright. */
export function levelColour(level: number): Rgb {
  const at = Math.min(Math.max(level, 0), 1) * (scale.length - 1)
  const index = Math.min(Math.floor(at), scale.length - 2)
  const share = at - index
  const mixed = [0, 1, 2].map(c => scale[index]![c]! + (scale[index + 1]![c]! - scale[index]![c]!) * share)
  return mixed as unknown as Rgb
}
