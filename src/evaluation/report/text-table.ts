/** A table of numbers for a terminal. */

/** Characters of a column, unless one word of its heading is longer. */
const COLUMN = 12
const GAP = 2

/** Breaks a heading into lines between its words. */
function wrapped(heading: string, width: number): string[] {
  const lines: string[] = []
  for (const word of heading.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/**
 * Lines of a table whose first column is text and whose other columns are numbers, aligned to the right under headings
 * of one or more lines.
 *
 * @param headings of the columns of numbers
 * @param rows each with its name first
 */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const nameWidth = Math.max(0, ...rows.map(([name = '']) => name.length))
  const columns = headings.map(heading => {
    const width = Math.max(COLUMN, ...heading.split(' ').map(word => word.length))
    return { width, lines: wrapped(heading, width) }
  })
  const height = Math.max(0, ...columns.map(({ lines }) => lines.length))
  const head = Array.from({ length: height }, (_, i) => [
    '',
    ...columns.map(({ lines }) => lines[i - height + lines.length] ?? ''),
  ])
  return [...head, ...rows].map(([name = '', ...cells]) => {
    const numbers = cells.map((cell, i) => ' '.repeat(GAP) + cell.padStart(columns[i]!.width))
    return (name.padEnd(nameWidth) + numbers.join('')).trimEnd()
  })
}
