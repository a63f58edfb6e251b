/** The line that shows the progress of a command, fitted into the width of the terminal. */

/** Columns of the bar: at most this many, and fewer if the label needs them. */
const WIDEST = 40
const NARROWEST = 10

/**
 * A line of a label, a bar and figures. A terminal cuts a line at its right edge, where the figures are, so a label
 * that is too long loses its beginning: the names of files in one folder differ at their ends.
 *
 * @param bar draws the bar in a number of columns
 * @param figures percentage and time left
 * @param columns of the terminal
 */
export function progressLine(label: string, bar: (width: number) => string, figures: string, columns: number): string {
  const characters = [...label]
  // Two spaces between the parts, and one column for the cursor.
  const room = columns - figures.length - 3
  const width = Math.max(NARROWEST, Math.min(WIDEST, room - characters.length))
  const kept = room - width
  const end = characters.slice(characters.length - Math.max(0, kept - 1)).join('')
  return `${characters.length <= kept ? label : `…${end}`} ${bar(width)} ${figures}`
}
