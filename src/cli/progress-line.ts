/** The line that shows the progress of a command, fitted into the width of the terminal. */

/** Columns of the terminal on standard error. One that does not know its width says 0. */
export function terminalColumns(): number {
  return process.stderr.columns || 80
}

/** A line on standard error that each text replaces. */
export class LiveLine {
  #isOpen = false

  /** Shows a text, cut to the width of the terminal: a line that wraps could not be replaced. */
  show(text: string): void {
    process.stderr.write(`\r${text.slice(0, terminalColumns() - 1)}\u001b[K`)
    this.#isOpen = true
  }

  /** Removes the line, for a text that is to stay. */
  clear(): void {
    if (this.#isOpen) process.stderr.write('\r\u001b[K')
    this.#isOpen = false
  }

  /** Leaves the line as it is. What follows begins in the next one. */
  end(): void {
    if (this.#isOpen) process.stderr.write('\n')
    this.#isOpen = false
  }
}

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
