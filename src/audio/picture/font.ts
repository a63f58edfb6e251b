/**
 * A font of 5 × 7 pixels for the axes and titles of pictures, drawn for this package. A glyph is seven rows from the
 * top, each a base-32 digit whose five bits are its pixels, the left one first.
 */
const glyphs: ReadonlyMap<string, string> = new Map(
  (
    '0ehjlphe 14c4444e 2eh1248v 3v2421he 426aiv22 5vgu11he 668guhhe 7v124888 8ehhehhe 9ehhf12c ' +
    'Aehhvhhh Buhhuhhu Cehggghe Dsihhhis Evgguggv Fvgguggg Gehgnhhf Hhhhvhhh Ie44444e J72222ic ' +
    'Khikokih Lggggggv Mhrllhhh Nhhpljhh Oehhhhhe Puhhuggg Qehhhlid Ruhhukih Sfgge11u Tv444444 ' +
    'Uhhhhhhe Vhhhhha4 Whhhllla Xhha4ahh Yhhha444 Zv1248gv ' +
    'a00e1fhf bggmphhu c00egghe d11djhhf e00ehvge f698s888 g0fhhf1e hggmphhh i40c444e j20622ic ' +
    'kggikoki lc44444e m00qllhh n00mphhh o00ehhhe p00uhugg q00djf11 r00mpggg s00ege1u t88s8896 ' +
    'u00hhhjd v00hhha4 w00hhlla x00ha4ah y00hhf1e z00v248v ' +
    '.00000cc ,0000c48 -000e000 −000v000 –000v000 _000000v (2488842 )8422248 /01248g0 :0cc0cc0 ' +
    "%op248j3 'c480000 ’c480000 +044v440 #aavavaa =00v0v00 ?eh12404 !4444004 &cik8lid *04lel40 " +
    '[e88888e ]e22222e <248g842 >8421248 "aaa0000 ;0cc0c48 @eh1dlle $4fke5u4 ^4ah0000 ~008l200 ' +
    '|4444444 \\0g84210 {2448442 }8442448 `8420000 ±44v440v ×00ha4ah ·0004000'
  )
    .split(' ')
    .map(text => [text.slice(0, 1), text.slice(1, 8)]),
)
/** What a character without a glyph looks like. */
const BOX = 'vhhhhhv'

const GLYPH_WIDTH = 5
export const GLYPH_HEIGHT = 7
/** Columns from one character to the next. */
export const ADVANCE = GLYPH_WIDTH + 1

/** Calls `dot` for every pixel of a character. */
export function drawGlyph(character: string, dot: (x: number, y: number) => void): void {
  if (character === ' ') return
  const rows = glyphs.get(character) ?? BOX
  for (let y = 0; y < GLYPH_HEIGHT; y++) {
    const bits = Number.parseInt(rows[y]!, 32)
    for (let x = 0; x < GLYPH_WIDTH; x++) if (bits & (1 << (GLYPH_WIDTH - 1 - x))) dot(x, y)
  }
}
