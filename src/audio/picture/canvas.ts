/** A white picture to paint and write on. */
import { encode } from 'fast-png'
import { BLACK, type Rgb } from './colours.js'
import { ADVANCE, drawGlyph, GLYPH_HEIGHT } from './font.js'

/** Pixels of one dot of the font. */
const DOT = 2
/** Height of a line of text. */
export const TEXT_HEIGHT = DOT * GLYPH_HEIGHT

/** Where a text lies beside its point. */
type Anchor = 'left' | 'centre' | 'right'

/** Width of a text in pixels. */
export function textWidth(text: string): number {
  return Math.max(0, DOT * (ADVANCE * [...text].length - 1))
}

export class Canvas {
  readonly width: number
  readonly height: number
  readonly #data: Uint8Array

  /** @param width in pixels @param height in pixels */
  constructor(width: number, height: number) {
    this.width = width
    this.height = height
    this.#data = new Uint8Array(width * height * 3).fill(255)
  }

  /** Paints one pixel, counted from the top left corner; nothing outside of the picture. */
  paint(x: number, y: number, rgb: Rgb): void {
    if (x < 0 || x >= this.width || y < 0 || y >= this.height) return
    const at = (y * this.width + x) * 3
    for (let channel = 0; channel < 3; channel++) this.#data[at + channel] = rgb[channel]!
  }

  fill(left: number, top: number, width: number, height: number, rgb: Rgb): void {
    for (let y = top; y < top + height; y++) for (let x = left; x < left + width; x++) this.paint(x, y, rgb)
  }

  /** Writes a line of text. @param x of its left end, centre or right end @param y of its middle */
  write(text: string, x: number, y: number, anchor: Anchor = 'left'): void {
    const share = { left: 0, centre: 0.5, right: 1 }[anchor]
    const left = Math.round(x - share * textWidth(text))
    const top = Math.round(y - TEXT_HEIGHT / 2)
    for (const [i, character] of [...text].entries()) {
      drawGlyph(character, (column, row) =>
        this.fill(left + DOT * (i * ADVANCE + column), top + DOT * row, DOT, DOT, BLACK),
      )
    }
  }

  png(): Uint8Array {
    return encode({ width: this.width, height: this.height, data: this.#data, channels: 3, depth: 8 })
  }
}
