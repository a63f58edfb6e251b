/**
 * Colours of levels, from black by violet and orange to pale yellow. Lightness rises evenly in OKLab (Ottosson 2020, "A
 * perceptual color space for image processing"), so that equal steps of level look equally large, also in grey.
 */

type Rgb = readonly [red: number, green: number, blue: number]

/** Linear sRGB of OKLab coordinates, 0 to 1 within the gamut. */
function linearRgb(lightness: number, a: number, b: number): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ]
}

/** sRGB's transfer function (IEC 61966-2-1), as a byte. */
function encoded(linear: number): number {
  const value = Math.min(1, Math.max(0, linear))
  return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055))
}

const DARKEST = 0.05
const BRIGHTEST = 0.97
/** Degrees: violet, by red and orange, to yellow. */
const FIRST_HUE = 285
const LAST_HUE = 460
const CHROMA = 0.2

function colourAt(share: number): Rgb {
  const lightness = DARKEST + (BRIGHTEST - DARKEST) * share
  const hue = ((FIRST_HUE + (LAST_HUE - FIRST_HUE) * share ** 0.8) * Math.PI) / 180
  // Black and white have no chroma; what lies outside the gamut is brought in along its lightness and hue.
  for (let chroma = CHROMA * Math.sin(Math.PI * share ** 0.75) ** 0.7; ; chroma -= 0.002) {
    const rgb = linearRgb(lightness, Math.max(0, chroma) * Math.cos(hue), Math.max(0, chroma) * Math.sin(hue))
    if (chroma <= 0 || rgb.every(value => value >= -1e-4 && value <= 1 + 1e-4)) {
      return [encoded(rgb[0]), encoded(rgb[1]), encoded(rgb[2])]
    }
  }
}

export const SHADES = 256

/** 256 colours, three bytes each, darkest first. */
export const colourMap: Uint8Array = Uint8Array.from(
  Array.from({ length: SHADES }, (_, i) => colourAt(i / (SHADES - 1))).flat(),
)

/** A colour for CSS. @param share 0 to 1 */
export function cssColour(share: number): string {
  const at = 3 * Math.round(Math.min(1, Math.max(0, share)) * (SHADES - 1))
  return `rgb(${colourMap[at]} ${colourMap[at + 1]} ${colourMap[at + 2]})`
}
